package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"giosgbot/playbook"
)

// trial are the flags of try.
type trial struct {
	language, room, org, mode string
	quiet                     bool
}

func tryCommand(e *env) *cobra.Command {
	var t trial
	c := &cobra.Command{
		Use:   "try [<playbook>]",
		Short: "Chat with a playbook in the terminal, and see the reason for each answer.",
		Long:  "<playbook> is a YAML file. The default is the built-in example.",
		Args:  atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.run(cmd.InOrStdin(), e.out, args)
		},
	}
	f := c.Flags()
	f.StringVar(&t.language, "language", "", "The `code` of the room's language.")
	f.StringVar(&t.room, "room", "", "The room's `name`.")
	f.StringVar(&t.org, "org", "", "The organization's `id`.")
	f.StringVar(&t.mode, "mode", "", "How the bot takes part: agent, greeter or sidekick. The default is the playbook's first `mode`.")
	f.BoolVar(&t.quiet, "quiet", false, "Show no reasons.")
	return c
}

const tryHelp = `You are the visitor: write, and press Enter. A line that begins with a slash is a command:
  /press LABEL   press a button          /human WORDS   a colleague writes
  /room CODE     another room language   /team NAME     that team is online (again: offline)
  /time 14:30    another time of day     /again         a new chat
  /help          show this help          /quit          end
`

// run chats in the terminal until the input ends.
func (t trial) run(in io.Reader, out io.Writer, files []string) error {
	text, name := playbook.Example(), "the built-in example"
	if len(files) > 0 {
		name = files[0]
		var err error
		if text, err = os.ReadFile(name); err != nil {
			return err
		}
	}
	p, err := playbook.Load(name, text)
	if err != nil {
		return err
	}
	if mode := playbook.Mode(t.mode); mode != "" && !p.Has(mode) {
		return fmt.Errorf("the playbook does not work as %q; see modes in %s", mode, name)
	}
	s := &session{out: out, begin: func() *playbook.Trial { return t.begin(p) }}
	fmt.Fprintf(out, "A chat with %s.\n%s", p.Name(), tryHelp)
	s.start()
	lines := bufio.NewScanner(in)
	for fmt.Fprint(out, "visitor: "); lines.Scan(); fmt.Fprint(out, "visitor: ") {
		if !s.do(strings.TrimSpace(lines.Text())) {
			return nil
		}
	}
	fmt.Fprintln(out)
	return lines.Err()
}

// begin returns a new chat.
func (t trial) begin(p *playbook.Playbook) *playbook.Trial {
	return &playbook.Trial{
		Playbook: p, Mode: playbook.Mode(t.mode), Org: t.org, RoomName: t.room, Language: t.language,
		At: time.Now(), Teams: map[string]bool{}, Reasons: !t.quiet,
	}
}

// session is the chat in the terminal.
type session struct {
	out   io.Writer
	begin func() *playbook.Trial
	trial *playbook.Trial
}

// start begins a chat. The bot joins, unless it is a sidekick.
func (s *session) start() {
	s.trial = s.begin()
	s.join()
}

// restart begins another chat with the same teams, language and time.
func (s *session) restart() {
	old := s.trial
	s.trial = s.begin()
	s.trial.Teams, s.trial.Language, s.trial.At = old.Teams, old.Language, old.At
	s.join()
}

func (s *session) join() {
	p := s.trial.Playbook
	if s.trial.Mode == playbook.Sidekick || s.trial.Mode == "" && !p.Has(playbook.Agent) && !p.Has(playbook.Greeter) {
		return
	}
	s.show(s.trial.Joins())
}

// do carries out one line. It reports whether the chat goes on.
func (s *session) do(text string) bool {
	if !strings.HasPrefix(text, "/") {
		if text != "" {
			s.show(s.trial.Says(text))
		}
		return true
	}
	verb, arg, _ := strings.Cut(text, " ")
	arg = strings.TrimSpace(arg)
	switch verb {
	case "/quit", "/q":
		return false
	case "/press":
		turn, ok := s.trial.Presses(arg)
		if !ok {
			fmt.Fprintf(s.out, "  no button %q was shown\n", arg)
			return true
		}
		s.show(turn)
	case "/human":
		s.show(s.trial.HumanSays(arg))
	case "/room":
		s.trial.Language = arg
	case "/team":
		name := strings.ToLower(arg)
		s.trial.Teams[name] = !s.trial.Teams[name]
		fmt.Fprintf(s.out, "  %s is %s\n", arg, map[bool]string{true: "online", false: "offline"}[s.trial.Teams[name]])
	case "/time":
		s.setTime(arg)
	case "/again":
		s.restart()
	default:
		fmt.Fprint(s.out, tryHelp)
	}
	return true
}

// setTime sets the time of day of the chat.
func (s *session) setTime(text string) {
	now := s.trial.At
	at, err := time.ParseInLocation("15:04", text, now.Location())
	if err != nil {
		fmt.Fprintln(s.out, "  write a time like 14:30")
		return
	}
	s.trial.At = time.Date(now.Year(), now.Month(), now.Day(), at.Hour(), at.Minute(), 0, 0, now.Location())
}

func (s *session) show(turn playbook.Turn) {
	for _, l := range turn.Lines {
		fmt.Fprintln(s.out, l)
	}
	if len(turn.Lines) == 0 {
		fmt.Fprintln(s.out, "(silence)")
	}
	for _, p := range turn.Plans {
		for _, r := range reasons(p.Why) {
			fmt.Fprintln(s.out, "    "+r)
		}
	}
}

// reasons lists the rules that matched and the first few that did not: a playbook may have thousands of rules.
func reasons(why []playbook.Reason) (out []string) {
	const most = 5
	missed := 0
	for _, r := range why {
		name := r.Rule
		if name != "" {
			name += ": "
		}
		switch {
		case r.Matched:
			out = append(out, "because "+name+r.Text)
		case missed < most:
			out = append(out, "not "+name+r.Text)
			missed++
		default:
			missed++
		}
	}
	if missed > most {
		out = append(out, fmt.Sprintf("and %d more rules did not match", missed-most))
	}
	return out
}
