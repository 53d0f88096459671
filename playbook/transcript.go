package playbook

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Transcript is a file of written conversations: what visitors and humans do, and what the bot is expected to do.
type Transcript struct {
	Chats []Conversation
	file  string
}

// Conversation is one chat of a transcript.
type Conversation struct {
	Name  string
	Line  int
	steps []transcriptLine
}

// transcriptLine is a line together with the indented lines that continue it.
type transcriptLine struct {
	line int
	verb string // one of transcriptVerbs
	text string // what comes after the verb
	more []string
}

// transcriptVerbs are the possible beginnings of lines. Those with expected are what the bot must do.
var transcriptVerbs = []struct {
	text     string
	expected bool
}{
	{"chat:", false}, {"mode", false}, {"room", false}, {"organization", false}, {"time", false}, {"team", false},
	{"visitor:", false}, {"visitor presses", false}, {"human:", false}, {"human joins", false}, {"human leaves", false}, {"bot joins", false},
	{"bot:", true}, {"bot hands over to", true}, {"bot leaves", true}, {"bot ends the chat", true}, {"bot goes online", true},
	{"bot goes offline", true}, {"silence", true},
}

func verbNames() []string {
	var all []string
	for _, v := range transcriptVerbs {
		all = append(all, v.text)
	}
	return all
}

// ParseTranscript reads a transcript. file is the file's name, for problems. The error is a *LoadError.
func ParseTranscript(file string, data []byte) (*Transcript, error) {
	s := &source{file: file}
	t := &Transcript{file: file}
	if len(data) > MaxFile {
		s.fault(pos{}, "", nil, "the file has %d bytes; the limit is %d", len(data), MaxFile)
		return nil, &LoadError{s.problems}
	}
	text := strings.ReplaceAll(strings.TrimPrefix(string(data), "\ufeff"), "\r\n", "\n")
	s.lines = strings.Split(text, "\n")
	if s.plainText() {
		s.conversations(t)
	}
	if len(s.problems) > 0 {
		return nil, &LoadError{s.sorted()}
	}
	return t, nil
}

func (s *source) conversations(t *Transcript) {
	var chat *Conversation
	for i, raw := range s.lines {
		line := strings.TrimSpace(raw)
		if line == "" || line[0] == '#' {
			continue
		}
		if raw[0] == ' ' || raw[0] == '\t' {
			if chat == nil || len(chat.steps) == 0 {
				s.fault(pos{i + 1, 1}, "", nil, "this line is indented, but there is no line before it to continue")
				continue
			}
			last := &chat.steps[len(chat.steps)-1]
			last.more = append(last.more, line)
			continue
		}
		step, ok := s.transcriptLine(i+1, line)
		if !ok {
			continue
		}
		if step.verb == "chat:" || chat == nil {
			t.Chats = append(t.Chats, Conversation{Name: step.text, Line: i + 1})
			chat = &t.Chats[len(t.Chats)-1]
			if step.verb == "chat:" {
				continue
			}
			chat.Name = "chat"
		}
		chat.steps = append(chat.steps, step)
	}
	for _, c := range t.Chats {
		if !slices.ContainsFunc(c.steps, func(l transcriptLine) bool { return l.expected() }) {
			s.fault(pos{c.Line, 1}, "", nil, "this chat expects nothing from the bot; add a line with bot: or silence")
		}
	}
	if len(t.Chats) == 0 {
		s.fault(pos{}, "", nil, "the file has no conversation; write lines like visitor: hello and bot: hi")
	}
}

func (l *transcriptLine) expected() bool {
	for _, v := range transcriptVerbs {
		if v.text == l.verb {
			return v.expected
		}
	}
	return false
}

func (s *source) transcriptLine(n int, line string) (transcriptLine, bool) {
	lower := strings.ToLower(line)
	for _, v := range transcriptVerbs {
		if !strings.HasPrefix(lower, v.text) {
			continue
		}
		rest := line[len(v.text):]
		if rest != "" && !strings.HasSuffix(v.text, ":") && rest[0] != ' ' && rest[0] != ':' {
			continue
		}
		l := transcriptLine{line: n, verb: v.text, text: strings.TrimSpace(strings.TrimPrefix(rest, ":"))}
		return l, s.goodLine(l, utf8.RuneCountInString(v.text)+2)
	}
	word, _, _ := strings.Cut(line, ":")
	s.fault(pos{n, 1}, word, verbNames(), "unknown kind of line")
	return transcriptLine{}, false
}

// goodLine checks the text after the verb.
func (s *source) goodLine(l transcriptLine, column int) bool {
	where := pos{l.line, column}
	switch l.verb {
	case "mode":
		if !slices.Contains(modeNames, l.text) {
			s.fault(where, l.text, modeNames, "%q is not a mode", l.text)
			return false
		}
	case "time":
		if _, ok := readMoment(l.text, time.UTC); !ok {
			s.fault(where, "", nil, "%q is not a time; write one like 2026-11-20 10:00 or fri 10:00", l.text)
			return false
		}
	case "team":
		if _, _, ok := readTeam(l.text); !ok {
			s.fault(where, "", nil, "write either team NAME is in or team NAME is out")
			return false
		}
	case "human joins", "human leaves", "bot joins", "bot leaves", "bot ends the chat", "bot goes online", "bot goes offline", "silence":
		if l.text != "" {
			s.fault(where, "", nil, "%q does not take a text", l.verb)
			return false
		}
	case "human:":
	default:
		if l.text == "" {
			s.fault(where, "", nil, "there must be a text after %q", l.verb)
			return false
		}
	}
	return true
}

// readMoment reads "2026-11-20 10:00" or "fri 10:00" (in a week of January 2026).
func readMoment(text string, zone *time.Location) (time.Time, bool) {
	if t, err := time.ParseInLocation("2006-1-2 15:04", text, zone); err == nil {
		return t, true
	}
	day, clock, _ := strings.Cut(strings.ToLower(text), " ")
	d := dayOf(day)
	minutes, ok := readTime(clock)
	if d < 0 || !ok {
		return time.Time{}, false
	}
	return time.Date(2026, 1, 5+(d+6)%7, 0, minutes, 0, 0, zone), true
}

func readTeam(text string) (name string, in, ok bool) {
	if name, ok = strings.CutSuffix(text, " is in"); ok {
		return strings.TrimSpace(name), true, true
	}
	name, ok = strings.CutSuffix(text, " is out")
	return strings.TrimSpace(name), false, ok
}

// Failure is a place in a transcript where the bot did something else than expected.
type Failure struct {
	File string
	Line int    // of what the bot reacted to
	Chat string // the conversation's name
	Diff string // what happened, what was expected (-), what the bot did (+), and why
}

// String returns the failure with its place. It has several lines.
func (f Failure) String() string {
	return fmt.Sprintf("%s:%d: in the chat %q:\n%s", f.File, f.Line, f.Chat, f.Diff)
}

// RunTranscript plays all conversations of a transcript and returns where the bot did something else than expected. It compares buttons,
// links and attachments only where the transcript has them.
func (p *Playbook) RunTranscript(t *Transcript) []Failure {
	var all []Failure
	for i := range t.Chats {
		all = append(all, p.runChat(t, &t.Chats[i])...)
	}
	return all
}

func (p *Playbook) runChat(t *Transcript, c *Conversation) []Failure {
	var failures []Failure
	trial := &Trial{Playbook: p, Teams: map[string]bool{}, Reasons: true}
	explicit := slices.ContainsFunc(c.steps, func(l transcriptLine) bool { return l.verb == "bot joins" })
	var now transcriptLine // what the bot reacts to
	var turn Turn
	var want []transcriptLine
	settle := func() {
		if d := diff(now, want, turn); d != "" {
			line := now.line
			if line == 0 {
				line = c.Line
			}
			failures = append(failures, Failure{t.file, line, c.Name, d})
		}
		turn, want = Turn{}, nil
	}
	begun := false
	for _, l := range c.steps {
		if l.expected() || l.happens() {
			if !begun && !explicit && trial.input("").Mode != Sidekick {
				turn = trial.Joins()
			}
			begun = true
		}
		switch {
		case l.expected():
			want = append(want, l)
		case l.happens():
			settle()
			now = l
			var ok bool
			if turn, ok = trial.happens(l); !ok {
				failures = append(failures, Failure{t.file, l.line, c.Name,
					fmt.Sprintf("    visitor presses %s\n  no such button was shown", l.text)})
			}
		default:
			trial.set(l)
		}
	}
	settle()
	return failures
}

func (l *transcriptLine) happens() bool {
	switch l.verb {
	case "visitor:", "visitor presses", "human:", "human joins", "human leaves", "bot joins":
		return true
	}
	return false
}

func (t *Trial) happens(l transcriptLine) (Turn, bool) {
	switch l.verb {
	case "visitor:":
		return t.Says(strings.Join(append([]string{l.text}, l.more...), "\n")), true
	case "visitor presses":
		return t.Presses(l.text)
	case "human:":
		return t.HumanSays(l.text), true
	case "bot joins":
		return t.Joins(), true
	}
	return Turn{}, true
}

func (t *Trial) set(l transcriptLine) {
	switch l.verb {
	case "mode":
		t.Mode = Mode(l.text)
	case "room":
		code, name, _ := strings.Cut(l.text, " ")
		t.Language = code
		if name = strings.TrimSpace(name); name != "" {
			t.RoomName, t.RoomID = name, name
		}
	case "organization":
		t.Org = l.text
	case "time":
		t.At, _ = readMoment(l.text, t.Playbook.For(t.Org, t.RoomName).zone)
	case "team":
		name, in, _ := readTeam(l.text)
		t.Teams[fold(name)] = in
	}
}
