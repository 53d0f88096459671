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

// crowd are the visitors, and giosg's webhooks that tell of what they write.
type crowd struct {
	p       *platform
	orgs    int
	echo    bool // the bot's own words come back to it by webhook, as giosg sends them
	doors   [subjects]string
	tokens  atomic.Int64
	written atomic.Int64
	refused atomic.Int64 // webhooks that were answered with 503, and sent again
}

// load is what a stretch of load has shown.
type load struct {
	took    time.Duration
	answers int
	replies []time.Duration // from the message to its answer
	doors   []time.Duration // from the webhook to its 2xx
	calls   int64           // of the API
}

func (l load) perSecond() float64 { return float64(l.answers) / l.took.Seconds() }

// line is a connection for webhooks.
type line struct {
	*peer
	body []byte
}

func (c *crowd) dial(subject int) (*line, error) {
	conn, err := net.Dial("tcp", c.doors[subject])
	if err != nil {
		return nil, err
	}
	return &line{peer: newPeer(conn)}, nil
}

func (c *crowd) words(subject, chat int, by, text string) words {
	return words{
		id: uuid(subject, int(c.written.Add(1))), chat: uuid(subject, chat), room: roomID, at: time.Now().UTC().Format(timeFormat),
		by: by, user: uuid(subject, chat%c.orgs), text: text,
	}
}

func (c *crowd) org(subject, chat int) string { return uuid(subject, 1000+chat%c.orgs) }

// send posts the webhook of a message and returns how long the door took.
func (c *crowd) send(l *line, subject, chat int, by, text string) (time.Duration, error) {
	l.body = messageHook(l.body[:0], c.words(subject, chat, by, text), c.org(subject, chat), c.tokens.Add(1))
	return c.deliver(l, hookPath)
}

// deliver sends a line's body, and again when it could not be kept, as giosg does. It returns how long that took in all.
func (c *crowd) deliver(l *line, path string) (time.Duration, error) {
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

// open lets chats begin: each waits for the bot, is greeted, and has its first question answered. Many at a time.
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

// ask writes a visitor's message, and waits for the answer.
func (c *crowd) ask(l *line, subject, chat int, answered chan time.Time, patience *time.Timer) (reply, door time.Duration, err error) {
	start := time.Now()
	c.p.await(subject, chat, func(at time.Time) { answered <- at })
	if door, err = c.send(l, subject, chat, "visitor", "When are you open?"); err != nil {
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
	return at.Sub(start), door, nil
}

// closed keeps some chats running at a time, each with its next message when the last is answered. The first fifth does not count.
// meter is called when the counting begins and when it ends.
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
			reply, door, err := c.ask(l, subject, chat, answered, patience)
			if err != nil {
				return err
			}
			if counting.Load() {
				own.answers++
				own.replies, own.doors = append(own.replies, reply), append(own.doors, door)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		sum.answers += own.answers
		sum.replies, sum.doors = append(sum.replies, own.replies...), append(sum.doors, own.doors...)
		return nil
	})
	l := <-timed
	sum.took, sum.calls = l.took, l.calls
	return sum, err
}

// paced writes to several subjects in turn, rate messages a second to each, whether or not the answers come. Latencies count from when
// a message was to be sent.
func (c *crowd) paced(ctx context.Context, to []int, chats int, rate float64, d time.Duration) ([subjects]load, error) {
	var out [subjects]load
	var mu sync.Mutex
	var failed error
	var under sync.WaitGroup
	var lines [subjects]chan *line
	for _, s := range to {
		lines[s] = make(chan *line, 512)
	}
	note := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if failed == nil {
			failed = err
		}
	}
	interval := time.Duration(float64(time.Second) / rate / float64(len(to)))
	start := time.Now()
	for k := 0; ctx.Err() == nil; k++ {
		due := start.Add(time.Duration(k) * interval)
		if due.Sub(start) >= d {
			break
		}
		pause(time.Until(due))
		s, chat := to[k%len(to)], k/len(to)%chats
		under.Add(1)
		go func() {
			defer under.Done()
			var l *line
			var err error
			select {
			case l = <-lines[s]:
			default:
				if l, err = c.dial(s); err != nil {
					note(err)
					return
				}
			}
			answered := make(chan time.Time, 1)
			c.p.await(s, chat, func(at time.Time) { answered <- at })
			_, err = c.send(l, s, chat, "visitor", "When are you open?")
			door := time.Since(due)
			if err != nil {
				note(err)
				return
			}
			at, err := receive(answered, time.NewTimer(0))
			if err != nil {
				note(err)
				return
			}
			if c.echo {
				if _, err := c.send(l, s, chat, "user", "We are here."); err != nil {
					note(err)
					return
				}
			}
			select {
			case lines[s] <- l:
			default: // more than will be needed
				l.conn.Close()
			}
			mu.Lock()
			defer mu.Unlock()
			out[s].answers++
			out[s].replies, out[s].doors = append(out[s].replies, at.Sub(due)), append(out[s].doors, door)
		}()
	}
	under.Wait()
	for _, s := range to {
		out[s].took = d
		close(lines[s])
		for l := range lines[s] {
			l.conn.Close()
		}
	}
	return out, errors.Join(failed, ctx.Err())
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
