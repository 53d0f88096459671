package admin

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// PrintList prints what is set aside as a table; total is how many there are in all, now the time that ages are told from.
func PrintList(w io.Writer, list []DeadLetter, total int, now time.Time) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "Nothing is set aside.")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tSET ASIDE\tKIND\tCHAT\tATTEMPTS\tREASON")
	for _, l := range list {
		fmt.Fprintf(t, "%s\t%s ago\t%s\t%s\t%d\t%s\n",
			visible(l.ID), span(max(now.Sub(l.SetAside), 0)), visible(string(l.Kind)), visible(string(l.Chat)), l.Attempts, shorten(visible(l.Reason), 80))
	}
	if total > len(list) {
		fmt.Fprintf(t, "... and %d more\n", total-len(list))
	}
	return t.Flush()
}

// PrintOne prints all that is known of an event that was set aside.
func PrintOne(w io.Writer, l DeadLetter, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, visible(value))
		}
	}
	row("id", l.ID)
	row("reason", l.Reason)
	row("attempts", fmt.Sprint(l.Attempts))
	row("set aside", moment(l.SetAside, now))
	row("happened", moment(l.At, now))
	row("kind", string(l.Kind))
	row("event", l.Event)
	row("chat", string(l.Chat))
	row("bot user", string(l.User))
	row("organization", string(l.Org))
	row("room", string(l.Room))
	switch {
	case l.Text != "":
		row("words", l.Text)
	case l.Chars > 0:
		row("words", fmt.Sprintf("%d characters, shown with LOG_LEVEL=debug only", l.Chars))
	}
	fmt.Fprintf(t, "\nPut it back:\tbot deadletters retry %s\nForget it:\tbot deadletters drop %s\n", visible(l.ID), visible(l.ID))
	return t.Flush()
}

// PrintRetried says that an event was put back.
func PrintRetried(w io.Writer, id string) error {
	_, err := fmt.Fprintf(w, "%s is back in its lane, and is worked on as soon as a worker and a token are free.\n", visible(id))
	return err
}

// PrintDropped says that an event was forgotten.
func PrintDropped(w io.Writer, id string) error {
	_, err := fmt.Fprintf(w, "%s is forgotten.\n", visible(id))
	return err
}

func moment(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339) + " (" + span(max(now.Sub(t), 0)) + " ago)"
}

// visible keeps what came from outside from steering a terminal.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return '\uFFFD'
		}
		return r
	}, s)
}

func shorten(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
