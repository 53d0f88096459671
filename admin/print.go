package admin

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// PrintList prints dead letters as a table. total is how many there are in all, and ages are relative to now.
func PrintList(w io.Writer, list []DeadLetter, total int, now time.Time) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "There are no dead letters.")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tGIVEN UP\tKIND\tCHAT\tATTEMPTS\tREASON")
	for _, l := range list {
		fmt.Fprintf(t, "%s\t%s ago\t%s\t%s\t%d\t%s\n",
			visible(l.ID), span(max(now.Sub(l.SetAside), 0)), visible(string(l.Kind)), visible(string(l.Chat)), l.Attempts, shorten(visible(l.Reason), 80))
	}
	if total > len(list) {
		fmt.Fprintf(t, "... and %d more\n", total-len(list))
	}
	return t.Flush()
}

// PrintOne prints one dead letter with all its fields.
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
	row("given up", moment(l.SetAside, now))
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
	fmt.Fprintf(t, "\nRetry it:\tbot deadletters retry %s\nDrop it:\tbot deadletters drop %s\n", visible(l.ID), visible(l.ID))
	return t.Flush()
}

// PrintRetried reports that an event was put back into its lane.
func PrintRetried(w io.Writer, id string) error {
	_, err := fmt.Fprintf(w, "%s is back in its lane. The bot tries it again as soon as it has a free worker and a valid token.\n", visible(id))
	return err
}

// PrintDropped reports that a dead letter was deleted.
func PrintDropped(w io.Writer, id string) error {
	_, err := fmt.Fprintf(w, "%s was deleted.\n", visible(id))
	return err
}

func moment(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339) + " (" + span(max(now.Sub(t), 0)) + " ago)"
}

// visible replaces control characters, so that a text from outside cannot control the terminal.
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
