package admin_test

import (
	"testing"
	"time"

	"giosgbot/admin"
)

func BenchmarkHooks(b *testing.B) {
	a := admin.New(admin.Options{Queue: broken{}, CallKinds: []string{"ok"}})
	r := report(event(1), "answered")
	for name, hook := range map[string]func(){
		"Turn":     func() { a.Turn(r) },
		"Call":     func() { a.Call("send message", "ok", false, time.Millisecond) },
		"Webhook":  func() { a.Webhook("/webhooks/messages", "kept", time.Millisecond) },
		"UserSeen": func() { a.UserSeen("user-1", "org-1") },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					hook()
				}
			})
		})
	}
}

// The hooks of the hot path do not allocate, except for the first report of a name.
func TestHooksDoNotAllocate(t *testing.T) {
	a := admin.New(admin.Options{Queue: broken{}, CallKinds: []string{"ok"}})
	r := report(event(1), "answered")
	all := func() {
		a.Turn(r)
		a.Call("send message", "ok", false, time.Millisecond)
		a.Webhook("/webhooks/messages", "kept", time.Millisecond)
		a.UserSeen("user-1", "org-1")
	}
	all()
	if n := testing.AllocsPerRun(100, all); n > 1 { // the copy of the report
		t.Errorf("%v allocations", n)
	}
}
