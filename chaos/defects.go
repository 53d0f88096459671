//go:build unix

package chaos

func withoutSweeps(o *Options) { o.Sweeps = false }
func withSweeps(o *Options)    { o.Sweeps = true }

// defects are the bugs that a run must find within minutes.
var defects = []defect{
	{name: "discard events", expect: "never answered", options: withoutSweeps, changes: []mutation{{"handlers/handlers.go", // one of 64 that the endpoint says it kept
		"if err := h.Queue.Put(ctx, it); err != nil {",
		"if err := func() error { if time.Now().UnixMicro()%64 == 0 { return nil }; return h.Queue.Put(ctx, it) }(); err != nil {"}}},
	{name: "no sidekick", expect: "sidekick", options: withoutSweeps, changes: []mutation{{"bot/sidekick.go",
		"if !t.book.Has(playbook.Sidekick) {", "if true || !t.book.Has(playbook.Sidekick) {"}}},
	{name: "no settle", expect: "duplicates", changes: []mutation{{"bot/turn.go",
		"waited = t.lease.Abandoned && wait > 0", "waited = false && t.lease.Abandoned && wait > 0"}}},
	{name: "no read when in doubt", expect: "duplicates", changes: []mutation{{"bot/events.go",
		"if t.lease.Attempt > 1 || t.cold || t.chat.MustRead() {", "if false && (t.lease.Attempt > 1 || t.cold || t.chat.MustRead()) {"}}},
	{name: "no dedupe", expect: "duplicates", changes: []mutation{{"bot/turn.go",
		"o := queue.Outcome{Finished: t.finished, Fate:", "o := queue.Outcome{Fate:"}}},
	{name: "no fence", expect: "duplicates", changes: []mutation{{"livechat/call.go",
		"if !time.Now().Before(c.a.Until()) {", "if false && !time.Now().Before(c.a.Until()) {"}, {"livechat/call.go",
		"giosg.WithCallTimeout(ctx, c.opts.Write, c.a.Until)", "giosg.WithCallTimeout(ctx, c.opts.Write, nil)"}}},
	{name: "no sweep", expect: "never answered", options: withSweeps, changes: []mutation{{"livechat/sweep.go",
		"if s.opts.Every <= 0 ||", "if true || s.opts.Every <= 0 ||"}}},
	{name: "no buttons", expect: "wrong in their parts", changes: []mutation{{"livechat/act.go",
		"for _, b := range a.Actions {", "for _, b := range a.Actions[:0] {"}}},
}
