package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// crowd plays the visitors, and sends the webhooks that giosg sends for what they write.
type crowd struct {
	p       *platform
	orgs    int
	echo    bool // send webhooks for the bot's own messages too, as giosg does
	addrs   [subjects]string
	tokens  atomic.Int64
	written atomic.Int64
	refused atomic.Int64 // webhooks that were answered with 503, and sent again
}

// load is what was measured during a period of load.
type load struct {
	took    time.Duration
	answers int
	replies []time.Duration // from the message to its answer
	accepts []time.Duration // from the webhook to its 2xx
	calls   int64           // of the API
}

func (l load) perSecond() float64 { return float64(l.answers) / l.took.Seconds() }

// hookConn is a connection that webhooks are sent on.
type hookConn struct {
	*peer
	body []byte
}

func (c *crowd) dial(subject int) (*hookConn, error) {
	conn, err := net.Dial("tcp", c.addrs[subject])
	if err != nil {
		return nil, err
	}
	return &hookConn{peer: newPeer(conn)}, nil
}

func (c *crowd) words(subject, chat int, by, text string) words {
	return words{
		id: uuid(subject, int(c.written.Add(1))), chat: uuid(subject, chat), room: roomID, at: time.Now().UTC().Format(timeFormat),
		by: by, user: uuid(subject, chat%c.orgs), text: text,
	}
}

func (c *crowd) org(subject, chat int) string { return uuid(subject, 1000+chat%c.orgs) }

// send posts the webhook of a message and returns how long the webhook endpoint took.
func (c *crowd) send(l *hookConn, subject, chat int, by, text string) (time.Duration, error) {
	l.body = messageHook(l.body[:0], c.words(subject, chat, by, text), c.org(subject, chat), c.tokens.Add(1))
	return c.deliver(l, hookPath)
}

// deliver posts the body in l. Like giosg it repeats a webhook that was refused with 503. It returns how long all attempts took.
func (c *crowd) deliver(l *hookConn, path string) (time.Duration, error) {
	start := time.Now()
	for attempt := 1; ; attempt++ {
		status, err := l.post(path, l.body)
		switch {
		case err != nil:
			return 0, err
		case status/100 == 2:
			return time.Since(start), nil
		case status != http.StatusServiceUnavailable || attempt == 10:
			return 0, fmt.Errorf("a webhook was answered with %d", status)
		}
		c.refused.Add(1)
		time.Sleep(100 * time.Millisecond)
	}
}

var errNoAnswer = errors.New("no answer within 30 s")

func receive(answered <-chan time.Time, patience *time.Timer) (time.Time, error) {
	patience.Reset(30 * time.Second)
	select {
	case at := <-answered:
		return at, nil
	case <-patience.C:
		return time.Time{}, errNoAnswer
	}
}

// open opens chats, several at a time. Each waits for the bot, is greeted, and gets an answer to a first question.
func (c *crowd) open(subject, from, to, running int) error {
	var next atomic.Int64
	next.Store(int64(from))
	return parallel(min(running, to-from), func(int) error {
		l, err := c.dial(subject)
		if err != nil {
			return err
		}
		defer l.conn.Close()
		answered, patience := make(chan time.Time, 1), time.NewTimer(0)
		for {
			chat := int(next.Add(1)) - 1
			if chat >= to {
				return nil
			}
			c.p.await(subject, chat, func(at time.Time) { answered <- at })
			user := uuid(subject, chat%c.orgs)
			l.body = chatHook(l.body[:0], uuid(subject, chat), user, c.org(subject, chat), time.Now().UTC().Format(timeFormat), c.tokens.Add(1))
			if _, err := c.deliver(l, chatPath); err != nil {
				return err
			}
			if _, err := receive(answered, patience); err != nil {
				return fmt.Errorf("the greeting: %w", err)
			}
			if _, _, err := c.ask(l, subject, chat, answered, patience); err != nil {
				return err
			}
		}
	})
}

// ask sends a visitor's message and waits for the answer.
func (c *crowd) ask(l *hookConn, subject, chat int, answered chan time.Time, patience *time.Timer) (reply, accept time.Duration, err error) {
	start := time.Now()
	c.p.await(subject, chat, func(at time.Time) { answered <- at })
	if accept, err = c.send(l, subject, chat, "visitor", "When are you open?"); err != nil {
		return 0, 0, err
	}
	at, err := receive(answered, patience)
	if err != nil {
		return 0, 0, err
	}
	if c.echo {
		if _, err := c.send(l, subject, chat, "user", "We are here."); err != nil {
			return 0, 0, err
		}
	}
	return at.Sub(start), accept, nil
}

// closed is a closed loop: it keeps some chats running at a time, and each sends its next message when the last one is answered. The
// first fifth of the time is not measured. closed calls meter when the measurement begins and when it ends.
func (c *crowd) closed(subject, chats, running int, d time.Duration, meter func()) (load, error) {
	var mu sync.Mutex
	var sum load
	var counting, ended atomic.Bool
	running = min(running, chats)
	timed := make(chan load)
	go func() {
		time.Sleep(d / 5)
		meter()
		start, calls := time.Now(), c.p.calls[subject].Load()
		counting.Store(true)
		time.Sleep(d - d/5)
		counting.Store(false)
		l := load{took: time.Since(start), calls: c.p.calls[subject].Load() - calls}
		meter()
		ended.Store(true)
		timed <- l
	}()
	err := parallel(running, func(slot int) error {
		l, err := c.dial(subject)
		if err != nil {
			return err
		}
		defer l.conn.Close()
		answered, patience := make(chan time.Time, 1), time.NewTimer(0)
		var own load
		for chat := slot; !ended.Load(); chat += running {
			if chat >= chats {
				chat = slot
			}
			reply, accept, err := c.ask(l, subject, chat, answered, patience)
			if err != nil {
				return err
			}
			if counting.Load() {
				own.answers++
				own.replies, own.accepts = append(own.replies, reply), append(own.accepts, accept)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		sum.answers += own.answers
		sum.replies, sum.accepts = append(sum.replies, own.replies...), append(sum.accepts, own.accepts...)
		return nil
	})
	l := <-timed
	sum.took, sum.calls = l.took, l.calls
	return sum, err
}

// pacing is one measurement at a steady rate.
type pacing struct {
	crowd *crowd
	idle  [subjects]chan *hookConn

	mu     sync.Mutex
	out    [subjects]load // guarded by mu
	failed error          // the first error; guarded by mu
}

// paced is an open loop: it sends rate messages a second to each subject, alternating between them, whether or not answers come.
// Latencies count from when a message was due.
func (c *crowd) paced(ctx context.Context, to []int, chats int, rate float64, d time.Duration) ([subjects]load, error) {
	p := &pacing{crowd: c}
	for _, s := range to {
		p.idle[s] = make(chan *hookConn, 512)
	}
	interval := time.Duration(float64(time.Second) / rate / float64(len(to)))
	start := time.Now()
	var all sync.WaitGroup
	for k := 0; ctx.Err() == nil; k++ {
		due := start.Add(time.Duration(k) * interval)
		if due.Sub(start) >= d {
			break
		}
		pause(time.Until(due))
		all.Go(func() { p.note(p.ask(to[k%len(to)], k/len(to)%chats, due)) })
	}
	all.Wait()
	for _, s := range to {
		p.out[s].took = d
		close(p.idle[s])
		for l := range p.idle[s] {
			l.conn.Close()
		}
	}
	return p.out, errors.Join(p.failed, ctx.Err())
}

// ask sends one message and waits for its answer.
func (p *pacing) ask(subject, chat int, due time.Time) error {
	l, err := p.conn(subject)
	if err != nil {
		return err
	}
	answered := make(chan time.Time, 1)
	p.crowd.p.await(subject, chat, func(at time.Time) { answered <- at })
	_, err = p.crowd.send(l, subject, chat, "visitor", "When are you open?")
	accept := time.Since(due)
	if err != nil {
		return err
	}
	at, err := receive(answered, time.NewTimer(0))
	if err != nil {
		return err
	}
	if p.crowd.echo {
		if _, err := p.crowd.send(l, subject, chat, "user", "We are here."); err != nil {
			return err
		}
	}
	select {
	case p.idle[subject] <- l:
	default: // more than will be needed
		l.conn.Close()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	out := &p.out[subject]
	out.answers++
	out.replies, out.accepts = append(out.replies, at.Sub(due)), append(out.accepts, accept)
	return nil
}

// conn returns an idle connection, or a new one.
func (p *pacing) conn(subject int) (*hookConn, error) {
	select {
	case l := <-p.idle[subject]:
		return l, nil
	default:
		return p.crowd.dial(subject)
	}
}

func (p *pacing) note(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed == nil {
		p.failed = err
	}
}

// parallel runs f n times at once and returns the first error.
func parallel(n int, f func(i int) error) error {
	errs := make([]error, max(n, 0))
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { errs[i] = f(i) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
