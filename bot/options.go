package bot

import (
	"context"
	"log/slog"
	"time"

	"giosgbot/chat"
	"giosgbot/dedupe"
	"giosgbot/playbook"
	"giosgbot/queue"
)

// Options are what a bot works with.
type Options struct {
	Queue    queue.Queue
	Handled  dedupe.Set
	Platform Platform
	Playbook func() *playbook.Playbook // the active one
	Log      *slog.Logger

	Workers int           // turns at a time; default 128
	Settle  time.Duration // a call that nobody waits for any more has taken effect after this long, or never will; default 2 s
	GiveUp  time.Duration // how long an event is tried; default 1 h
	Forget  time.Duration // how long an event waits for something that does not come; default 48 h
	Grace   time.Duration // how long running turns may take when the bot stops; default 6 s
	MaxAge  time.Duration // a sweep does not answer visitors who wrote longer ago than this; default 1 h

	// Trace begins the span of a turn; end is told what became of it. May be nil.
	Trace func(ctx context.Context, carried string, about ...slog.Attr) (_ context.Context, end func(result, reason string))

	Observe func(Report) // is called after every turn; may be nil
	Explain bool         // reports carry the reasons of their plans, which takes time
}

func (o *Options) setDefaults() {
	set := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	set(&o.Settle, 2*time.Second)
	set(&o.GiveUp, time.Hour)
	set(&o.Forget, 48*time.Hour)
	set(&o.Grace, 6*time.Second)
	set(&o.MaxAge, time.Hour)
	if o.Workers <= 0 {
		o.Workers = 128
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

// Report says what became of a turn.
type Report struct {
	Event   chat.Event
	Lane    string
	Result  Result
	Rule    string // the last rule that spoke
	Said    int    // messages sent
	Reason  string // of anything but Answered and Silent
	Attempt int
	Looked  bool          // the record was read
	Waited  time.Duration // from the event's own time to the begin of the turn
	Took    time.Duration
	Plan    *playbook.Plan // the last plan, if there was one
}
