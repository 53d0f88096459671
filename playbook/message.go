package playbook

import (
	"hash/fnv"
	"strconv"
	"strings"
)

// message is a compiled message.
type message struct {
	variants    []text
	at          []pos // of the variants
	attachments []attachment
	template    string
}

type attachment struct {
	Attachment  // without title, text and actions
	title, text text
	buttons     []button
}

type button struct {
	Button // without text
	text   text
	at     pos
}

// text is a text with variables. Its parts are literals and variables in turn, beginning with a literal.
type text []string

// variables maps the names that texts may contain in {braces} to their values.
var variables = map[string]func(*chat) string{
	"words": func(c *chat) string {
		if c.in.Text == "" {
			return c.in.Value
		}
		return c.in.Text
	},
	"room":     func(c *chat) string { return c.in.RoomName },
	"time":     func(c *chat) string { return c.in.At.In(c.playbook.zone).Format("15:04") },
	"good_day": func(c *chat) string { return goodDay(c.playbook.slots[c.slot], c.in.At.In(c.playbook.zone).Hour()) },
}

// maxQuoted is the maximum length of a variable's value in characters.
const maxQuoted = 200

func (t text) fill(c *chat) string {
	if len(t) == 0 {
		return ""
	}
	if len(t) == 1 {
		return t[0]
	}
	var b strings.Builder
	for i, part := range t {
		if i%2 == 0 {
			b.WriteString(part)
			continue
		}
		value := []rune(clip(variables[part](c), maxQuoted*8))
		if len(value) > maxQuoted {
			value = append(value[:maxQuoted], '…')
		}
		b.WriteString(strings.Join(strings.Fields(strings.ToValidUTF8(string(value), "")), " "))
	}
	return b.String()
}

// says returns the messages with their variables filled in. seed identifies the place in the playbook, so that each place chooses among
// its texts independently.
func (c *chat) says(list []message, seed string) []Action {
	var all []Action
	for i, m := range list {
		pick := 0
		if len(m.variants) > 1 {
			h := fnv.New64a()
			h.Write([]byte(c.in.ID + "\x00" + c.rule + "\x00" + seed + strconv.Itoa(i)))
			// The low bits of FNV are weak for similar inputs.
			sum := h.Sum64()
			pick = int((sum ^ sum>>32) % uint64(len(m.variants)))
		}
		pieces := split(m.variants[pick].fill(c))
		for j, piece := range pieces {
			say := Say{Text: piece}
			if j == len(pieces)-1 {
				say.Attachments, say.Template = c.attachments(m.attachments), m.template
			}
			all = append(all, say)
		}
	}
	return all
}

func (c *chat) attachments(list []attachment) []Attachment {
	var all []Attachment
	for _, a := range list {
		out := a.Attachment
		out.Title, out.Text = a.title.fill(c), a.text.fill(c)
		for _, b := range a.buttons {
			bt := b.Button
			bt.Text = b.text.fill(c)
			out.Actions = append(out.Actions, bt)
		}
		all = append(all, out)
	}
	return all
}

// step is one action of an answer.
type step struct {
	verb     string
	at       pos
	handOver *handOver
	ask      [][]message // ask_feedback, by language
}

type handOver struct {
	team                  []string // by language
	at                    pos
	humans, keepTalking   bool
	before, after, nobody answer
}

// act returns the actions of an answer and updates the state.
func (c *chat) act(a *answer, seed string) []Action {
	var all []Action
	if len(a.say) > 0 {
		all = c.says(a.say[c.slot], seed)
	}
	for i, s := range a.do {
		seed := seed + "/" + strconv.Itoa(i)
		switch s.verb {
		case "leave":
			all = append(all, Leave{})
			c.state.Gone = true
		case "end":
			all = append(all, End{})
			c.state.Gone = true
		case "online":
			all = append(all, SetOnline{true})
		case "offline":
			all = append(all, SetOnline{false})
		case "quiet":
			c.state.Quiet = true
		case "talk":
			c.state.Quiet = false
		case "ask_feedback":
			all = append(all, c.says(s.ask[c.slot], seed)...)
		case "hand_over":
			all = append(all, c.handOver(s.handOver, seed))
		}
	}
	return all
}
