package bot_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"giosgbot/bot"
	"giosgbot/chat"
	"giosgbot/playbook"
	"giosgbot/replay"
)

// fault is what goes wrong with one call to the platform.
type fault struct {
	err   error
	after bool   // the call takes effect all the same
	hang  bool   // the call lasts until its context ends
	do    func() // is called first, outside the platform's lock; may panic
}

func later(text string) fault {
	return fault{err: &chat.Error{Fate: chat.Later, Err: errors.New(text)}}
}
func refused(text string) fault {
	return fault{err: &chat.Error{Fate: chat.Refused, Err: errors.New(text)}}
}
func over(text string) fault { return fault{err: &chat.Error{Fate: chat.Over, Err: errors.New(text)}} }

// unknown is the fate of a write whose answer did not come.
func unknown(took bool) fault {
	return fault{err: &chat.Error{Fate: chat.Unknown, Err: errors.New("no answer came")}, after: took}
}

// deferred is the fate of a call that the platform wants later.
func deferred(d time.Duration, unsent bool) fault {
	return fault{err: &chat.Error{Fate: chat.Later, Delay: d, NoEffect: true, Deferred: true, Unsent: unsent, Err: errors.New("too many calls")}}
}

// shown is a line of the record, and when the platform begins to show it.
type shown struct {
	replay.Line
	from time.Time
}

// platform is one chat of a platform that keeps its record in memory.
type platform struct {
	mu       sync.Mutex
	lines    []shown
	lag      time.Duration // how late the record shows what the bot says
	calls    []string      // in the order they were made
	faults   map[string][]fault
	attempts []bot.Attempt

	entry     chat.Entry
	reason    string
	role      chat.Role // "": as the lines say
	silence   string    // why a sidekick must be silent
	noSeat    string    // why a sidekick cannot be a member
	anonymous bool      // the platform does not tell what became of a message
	ended     bool
	mustRead  bool
	teams     map[string]bool
	about     chat.About
	hides     bool // the room
}

func newPlatform() *platform {
	return &platform{faults: map[string][]fault{}, teams: map[string]bool{}}
}

// fail makes the next calls of a name go wrong, one after the other.
func (p *platform) fail(call string, faults ...fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults[call] = append(p.faults[call], faults...)
}

// there says which teams are there from now on.
func (p *platform) there(teams ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.teams = map[string]bool{}
	for _, team := range teams {
		p.teams[team] = true
	}
}

// add puts a line into the record.
func (p *platform) add(kind replay.Kind, text string) replay.Line {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.addLine(kind, text, 0)
}

func (p *platform) addLine(kind replay.Kind, text string, lag time.Duration) replay.Line {
	now := time.Now()
	if n := len(p.lines); n > 0 && !now.After(p.lines[n-1].At) {
		now = p.lines[n-1].At.Add(time.Millisecond)
	}
	l := replay.Line{ID: "m" + strconv.Itoa(len(p.lines)+1), At: now, Kind: kind, Text: text}
	p.lines = append(p.lines, shown{l, time.Now().Add(lag)})
	return l
}

// said lists the words of the bot in the record, whether it shows them already or not.
func (p *platform) said() (out []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.lines {
		if l.Kind == replay.Own {
			out = append(out, l.Text)
		}
	}
	return out
}

// take returns the calls so far, and forgets them.
func (p *platform) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	calls := p.calls
	p.calls = nil
	return calls
}

// Open implements [bot.Platform].
func (p *platform) Open(ctx context.Context, ev chat.Event, a bot.Attempt) (bot.Chat, error) {
	c := &conversation{p: p, a: a}
	p.mu.Lock()
	p.attempts = append(p.attempts, a)
	p.mu.Unlock()
	if err := c.call(ctx, "open", nil); err != nil {
		return nil, err
	}
	return c, nil
}

// conversation is the chat during one attempt.
type conversation struct {
	p     *platform
	a     bot.Attempt
	acted bool
}

// call makes a call; effect, if not nil, is what it changes. A deferred call is repeated if the turn waits for it.
func (c *conversation) call(ctx context.Context, name string, effect func()) error {
	for {
		f := c.p.next(name)
		if f.do != nil {
			f.do()
		}
		if f.hang {
			<-ctx.Done()
			f.err = ctx.Err()
		}
		later := chat.Failure(f.err).Deferred
		if effect != nil {
			c.p.mu.Lock()
			if f.err == nil || f.after {
				effect()
			}
			c.acted = c.acted || !later
			c.p.mu.Unlock()
		}
		if !c.a.Wait(ctx, f.err) {
			return f.err
		}
	}
}

func (p *platform) next(name string) (f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, name)
	if fs := p.faults[name]; len(fs) > 0 {
		f, p.faults[name] = fs[0], fs[1:]
	}
	return f
}

func (c *conversation) Present(ctx context.Context) error { return c.call(ctx, "present", nil) }

func (c *conversation) Enter(ctx context.Context, mode playbook.Mode) (chat.Entry, string, error) {
	err := c.call(ctx, "enter "+string(mode), func() {
		if c.p.entry == chat.In {
			c.p.addLine(replay.OwnJoin, "", 0)
		}
	})
	return c.p.entry, c.p.reason, err
}

func (c *conversation) Unserved(ctx context.Context) (string, error) {
	err := c.call(ctx, "unserved", nil)
	return c.p.silence, err
}

func (c *conversation) SitIn(ctx context.Context) (string, error) {
	err := c.call(ctx, "sit in", func() {})
	return c.p.noSeat, err
}

func (c *conversation) Record(ctx context.Context) ([]replay.Line, error) {
	if err := c.call(ctx, "record", nil); err != nil {
		return nil, err
	}
	return c.p.record(), nil
}

func (c *conversation) Overheard(ctx context.Context, member bool) ([]replay.Line, error) {
	if err := c.call(ctx, fmt.Sprintf("overheard %t", member), nil); err != nil {
		return nil, err
	}
	return c.p.record(), nil
}

func (p *platform) record() (out []replay.Line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.lines {
		if !time.Now().Before(l.from) {
			out = append(out, l.Line)
		}
	}
	return out
}

func (c *conversation) Role(ctx context.Context, lines []replay.Line) (chat.Role, error) {
	if err := c.call(ctx, "role", nil); err != nil {
		return "", err
	}
	if c.p.role != "" {
		return c.p.role, nil
	}
	role := chat.Outside
	for _, l := range lines {
		switch l.Kind {
		case replay.OwnJoin:
			role = chat.Serving
		case replay.OwnLeave:
			role = chat.Left
		}
	}
	return role, nil
}

func (c *conversation) About(ctx context.Context, room string) (chat.About, bool, error) {
	err := c.call(ctx, "about "+room, nil)
	return c.p.about, !c.p.hides && err == nil, err
}

func (c *conversation) FindTeam(ctx context.Context, name string, humans bool) (bool, error) {
	err := c.call(ctx, fmt.Sprintf("find %s %t", name, humans), nil)
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	return err == nil && c.p.teams[name], err
}

func (c *conversation) Do(ctx context.Context, a playbook.Action) (mark replay.Mark, err error) {
	switch a := a.(type) {
	case playbook.Say:
		var l replay.Line
		err = c.call(ctx, "say "+a.Text, func() { l = c.p.addLine(replay.Own, a.Text, c.p.lag) })
		if mark = replay.MarkOf(l); c.p.anonymous {
			mark.ID = ""
		}
	case playbook.Invite:
		err = c.call(ctx, "invite "+a.Team, func() {})
	case playbook.Leave:
		err = c.call(ctx, "leave", func() { c.p.addLine(replay.OwnLeave, "", 0) })
	case playbook.End:
		err = c.call(ctx, "end", func() { c.p.ended = true })
	case playbook.SetOnline:
		err = c.call(ctx, fmt.Sprintf("online %t", a.Online), func() {})
	}
	return mark, err
}

func (c *conversation) Over(ctx context.Context) (bool, error) {
	err := c.call(ctx, "over", nil)
	return c.p.ended, err
}

func (c *conversation) MustRead() bool { return c.p.mustRead }
func (c *conversation) Acted() bool    { return c.acted }

// without returns the calls but for some names.
func without(calls []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(calls), func(c string) bool { return slices.Contains(names, c) })
}
