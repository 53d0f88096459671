package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"giosgbot/chat"
)

// An error's fate is that of the platform's error in its chain; others may work later.
func TestFailure(t *testing.T) {
	t.Parallel()
	cause := errors.New("a cause")
	refused := &chat.Error{Fate: chat.Refused, Delay: time.Second, Err: cause}
	for name, c := range map[string]struct {
		err      error
		fate     chat.Fate
		noEffect bool
		denied   bool
	}{
		"none":          {nil, chat.Fine, false, false},
		"a platform's":  {refused, chat.Refused, false, true},
		"wrapped":       {fmt.Errorf("more: %w", refused), chat.Refused, false, true},
		"over":          {&chat.Error{Fate: chat.Over, Err: cause}, chat.Over, false, true},
		"unknown":       {&chat.Error{Fate: chat.Unknown, Err: cause}, chat.Unknown, false, false},
		"hopeless":      {chat.Hopelessly(cause), chat.Hopeless, true, false},
		"of the store":  {cause, chat.Later, false, false},
		"canceled":      {fmt.Errorf("more: %w", context.Canceled), chat.Later, true, false},
		"out of time":   {context.DeadlineExceeded, chat.Later, true, false},
		"a wait's kind": {&chat.Wait{Reason: "no token"}, chat.Later, false, false},
	} {
		f := chat.Failure(c.err)
		if f.Fate != c.fate || f.NoEffect != c.noEffect || chat.FateOf(c.err) != c.fate || chat.Denied(c.err) != c.denied {
			t.Errorf("%s: %+v, denied %t", name, f, chat.Denied(c.err))
		}
	}
	if !errors.Is(refused, cause) || refused.Error() != "a cause" || chat.Hopelessly(cause).Error() != "a cause" {
		t.Error("the cause is lost")
	}
	if (&chat.Wait{Reason: "no token"}).Error() != "no token" {
		t.Error("a wait does not tell its reason")
	}
}

func TestFateString(t *testing.T) {
	t.Parallel()
	for fate, want := range map[chat.Fate]string{chat.Fine: "fine", chat.Later: "later", chat.Unknown: "unknown", chat.Over: "over",
		chat.Refused: "refused", chat.Hopeless: "hopeless", -1: "fate(-1)", 6: "fate(6)"} {
		if got := fate.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Lanes hold events that earlier versions have stored, without a platform: those are giosg's. New ones of giosg look the same.
func TestEventAsJSON(t *testing.T) {
	t.Parallel()
	const stored = `{"kind":"said","user":"u","org":"o","chat":"c","room":"r","member":true,"id":"m","at":"2026-01-02T03:04:05.678Z","text":"hello","value":"v","trace":"t"}`
	var ev chat.Event
	if err := json.Unmarshal([]byte(stored), &ev); err != nil {
		t.Fatal(err)
	}
	if ev.Platform != chat.Giosg || ev.Lane() != "u/c" || ev.Kind != chat.Said || !ev.Member || ev.Value != "v" || ev.Trace != "t" {
		t.Errorf("%+v", ev)
	}
	if b, err := json.Marshal(ev); err != nil || string(b) != stored {
		t.Errorf("%s, %v", b, err)
	}
	ev = chat.Event{Platform: "web", Kind: chat.Check}
	if b, err := json.Marshal(ev); err != nil || string(b) != `{"platform":"web","kind":"check","user":"","chat":"","id":"","at":"0001-01-01T00:00:00Z"}` {
		t.Errorf("%s, %v", b, err)
	}
}

func TestFromVisitor(t *testing.T) {
	t.Parallel()
	for kind, want := range map[chat.Kind]bool{chat.Said: true, chat.Pressed: true, chat.Human: false, chat.Check: false, chat.Pending: false, chat.Routed: false} {
		if got := (chat.Event{Kind: kind}).FromVisitor(); got != want {
			t.Errorf("%s: %t", kind, got)
		}
	}
}
