package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"giosgbot/playbook"
)

type tryCmd struct {
	File     string `arg:"" name:"playbook" optional:"" help:"A YAML file; without, the built-in example."`
	Language string `help:"The room's language." placeholder:"CODE"`
	Room     string `help:"The room's name." placeholder:"NAME"`
	Org      string `help:"The organization's id." placeholder:"ID"`
	Mode     string `help:"How the bot takes part: agent, greeter or sidekick; by default the playbook's first." placeholder:"MODE"`
	Quiet    bool   `help:"Do not say why."`

	in io.Reader // standard input if nil
}

const tryHelp = `You are the visitor: write, and press Enter. A line that begins with a slash does something else:
  /press LABEL   press a button          /human WORDS   a colleague writes
  /room CODE     another room language   /team NAME     that team is in (again: it is out)
  /time 14:30    another time of day     /again         a new chat
  /help          this                    /quit          the end
`

// Run is a chat in the terminal, with the reason for each answer.
func (c tryCmd) Run(e *env) error {
	text := playbook.Example()
	name := "the built-in example"
	if c.File != "" {
		name = c.File
		var err error
		if text, err = os.ReadFile(c.File); err != nil {
			return err
		}
	}
	p, err := playbook.Load(name, text)
	if err != nil {
		return err
	}
	mode := playbook.Mode(c.Mode)
	if mode != "" && !p.Has(mode) {
		return fmt.Errorf("the playbook does not work as %q; see modes in %s", mode, name)
	}
	s := &session{tryCmd: c, out: e.out, trial: c.newTrial(p)}
	fmt.Fprintf(e.out, "A chat with %s.\n%s", p.Name(), tryHelp)
	s.begin()
	in := c.in
	if in == nil {
		in = os.Stdin
	}
	lines := bufio.NewScanner(in)
	for fmt.Fprint(e.out, "visitor: "); lines.Scan(); fmt.Fprint(e.out, "visitor: ") {
		if !s.do(strings.TrimSpace(lines.Text())) {
			return nil
		}
	}
	fmt.Fprintln(e.out)
	return lines.Err()
}

func (c tryCmd) newTrial(p *playbook.Playbook) *playbook.Trial {
	return &playbook.Trial{
		Playbook: p, Mode: playbook.Mode(c.Mode), Org: c.Org, RoomName: c.Room, Language: c.Language,
		At: time.Now(), Teams: map[string]bool{}, Reasons: !c.Quiet,
	}
}

// session is one run of try.
type session struct {
	tryCmd
	out   io.Writer
	trial *playbook.Trial
}

// begin lets the bot join, unless it only sits beside.
func (s *session) begin() {
	sidekick := s.trial.Mode == playbook.Sidekick ||
		s.trial.Mode == "" && !s.trial.Playbook.Has(playbook.Agent) && !s.trial.Playbook.Has(playbook.Greeter)
	if !sidekick {
		s.show(s.trial.Joins())
	}
}

// do carries out one line; false ends the chat.
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
		fmt.Fprintf(s.out, "  %s is %s\n", arg, map[bool]string{true: "in", false: "out"}[s.trial.Teams[name]])
	case "/time":
		at, err := time.ParseInLocation("15:04", arg, s.trial.At.Location())
		if err != nil {
			fmt.Fprintln(s.out, "  a time is like 14:30")
			return true
		}
		y, m, d := s.trial.At.Date()
		s.trial.At = time.Date(y, m, d, at.Hour(), at.Minute(), 0, 0, s.trial.At.Location())
	case "/again":
		teams, language, at := s.trial.Teams, s.trial.Language, s.trial.At
		s.trial = s.newTrial(s.trial.Playbook)
		s.trial.Teams, s.trial.Language, s.trial.At = teams, language, at
		s.begin()
	default:
		fmt.Fprint(s.out, tryHelp)
	}
	return true
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

// reasons names what decided, and what came near it; a playbook may have thousands of rules that did not match.
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
