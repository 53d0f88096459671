package giosg_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"giosgbot/giosg"
	"giosgbot/giosg/giosgtest"
)

// world is a simulated platform with a chat of which the bot is a member.
type world struct {
	*testing.T
	p    *giosgtest.Platform
	chat *giosgtest.Chat
	bot  *giosgtest.Bot
	s    *giosg.Session
	said int
}

func newWorld(t *testing.T, o giosgtest.Options, messages int) *world {
	t.Helper()
	o.Manners = giosgtest.Polite()
	w := &world{T: t, p: giosgtest.RunT(t, o)}
	org := w.p.AddOrg("Org")
	w.bot = org.InstallBot("Bot")
	w.chat = org.AddRoom("Room", "en").OpenChat()
	if err := w.bot.Watch(w.chat); err != nil {
		t.Fatal(err)
	}
	w.s = newClient(t, giosg.Config{BaseURL: w.p.URL()}).As(giosg.Token{
		User: giosg.UserID(w.bot.ID), Org: giosg.OrgID(w.bot.OrgID()), Type: "Bearer", Value: giosg.Secret(w.p.Token(w.bot.User, -1)), Expires: time.Now().Add(time.Hour),
	})
	w.say(messages)
	return w
}

// say makes the visitor write "1", "2" and so on.
func (w *world) say(n int) {
	w.Helper()
	for range n {
		w.said++
		if _, err := w.chat.Say(fmt.Sprint(w.said)); err != nil {
			w.Fatal(err)
		}
	}
}

// since reads back to the message with a text, and checks that everything from
// there on was read, in order.
func (w *world) since(h *giosg.History, first int) ([]giosg.Message, error) {
	w.Helper()
	ms, err := w.s.ReadHistory(w.Context(), h, func(ms []giosg.Message) bool {
		return slices.ContainsFunc(ms, func(m giosg.Message) bool { return m.Message == fmt.Sprint(first) })
	})
	if err != nil {
		return ms, err
	}
	n := w.said - len(ms)
	if n >= first {
		w.Errorf("read %d of %d messages, want all since %d", len(ms), w.said, first)
	}
	for i, m := range ms {
		if m.Message != fmt.Sprint(n+i+1) {
			w.Errorf("message %d of %d is %q", n+i+1, w.said, m.Message)
			break
		}
	}
	return ms, nil
}

// calls returns how many calls were made since it was last called.
func (w *world) calls() int {
	n := len(w.p.Calls(nil))
	w.p.ResetCalls()
	return n
}

func TestHistoryIsReadFromTheNewestMessageBack(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		o             giosgtest.Options
		messages      int
		first, second int // calls at most, to read the last two messages, with a new History each
		read          int // messages at most
	}{
		{"obeyed", giosgtest.Options{Ordering: giosgtest.ObeyOrdering}, 313, 1, 1, 3},
		{"obeyed, one message a page", giosgtest.Options{Ordering: giosgtest.ObeyOrdering, PageSize: 1}, 50, 2, 2, 2},
		{"obeyed, large pages", giosgtest.Options{Ordering: giosgtest.ObeyOrdering, PageSize: 50}, 313, 1, 1, 50},
		{"obeyed, newest first anyway", giosgtest.Options{Ordering: giosgtest.ObeyOrdering, NewestFirst: true}, 313, 1, 1, 3},
		{"ignored, newest first", giosgtest.Options{NewestFirst: true}, 313, 1, 1, 3},
		{"ignored, newest first, one message a page", giosgtest.Options{NewestFirst: true, PageSize: 1}, 50, 2, 2, 2},
		{"ignored, oldest first", giosgtest.Options{}, 313, 105, 105, 313},
		{"ignored, oldest first, one page", giosgtest.Options{PageSize: 50}, 40, 1, 1, 40},
		{"refused, newest first", giosgtest.Options{Ordering: giosgtest.RefuseOrdering, NewestFirst: true}, 313, 2, 1, 3},
		{"refused, oldest first", giosgtest.Options{Ordering: giosgtest.RefuseOrdering}, 313, 106, 105, 313},
		{"two messages", giosgtest.Options{}, 2, 1, 1, 2},
		{"with a base path and relative links", giosgtest.Options{Ordering: giosgtest.ObeyOrdering, BasePath: "/x", RelativeNext: true}, 313, 1, 1, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.o, tt.messages)
			for _, routed := range []bool{false, true} {
				w.calls()
				ms, err := w.since(giosg.NewHistory(giosg.ChatID(w.chat.ID), routed), tt.messages-1)
				most := tt.first
				if routed {
					most = tt.second
				}
				if n := w.calls(); err != nil || n > most || len(ms) > tt.read {
					t.Errorf("routed %t: %d calls, want %d; %d messages; %v", routed, n, most, len(ms), err)
				}
			}
			// Everything, if nothing is enough.
			ms, err := w.s.ReadHistory(t.Context(), giosg.NewHistory(giosg.ChatID(w.chat.ID), false), nil)
			if err != nil || len(ms) != tt.messages {
				t.Errorf("%d messages, want %d; %v", len(ms), tt.messages, err)
			}
		})
	}
}

// A read that failed goes on with the page that failed.
func TestHistoryKeepsThePagesThatItHas(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]giosgtest.Options{
		"newest first": {Ordering: giosgtest.ObeyOrdering}, "oldest first": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, o, 313)
			w.p.On("GET", "messages").Skip(50).Times(2).FailBefore(503)
			w.p.On("GET", "messages").Skip(90).Times(1).CutBefore()
			h := giosg.NewHistory(giosg.ChatID(w.chat.ID), false)
			total := 0
			var err error
			for range 10 {
				if _, err = w.since(h, 1); err == nil {
					break
				}
				wantKind(t, err, giosg.Temporary)
				w.say(1) // which must not be missed
				total += w.calls()
			}
			if err != nil {
				t.Fatal(err)
			}
			if total += w.calls(); total > 105+3+2+6 {
				t.Errorf("%d calls for 105 pages", total)
			}
			// Once everything was read, only what is new is read.
			w.say(1)
			if _, err := w.since(h, w.said); err != nil || w.calls() > 2 {
				t.Errorf("%d calls for one message; %v", w.calls(), err)
			}
			w.say(20)
			if _, err := w.since(h, 1); err != nil || w.calls() > 9 {
				t.Errorf("%d calls for 20 messages; %v", w.calls(), err)
			}
		})
	}
}

// Also a read of new messages that fails leaves no gap.
func TestHistoryHasNoGaps(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{Ordering: giosgtest.ObeyOrdering}, 100)
	h := giosg.NewHistory(giosg.ChatID(w.chat.ID), false)
	if _, err := w.since(h, 90); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		w.say(30)
		w.p.On("GET", "messages").Skip(4).Times(1).FailBefore(503)
		if _, err := w.since(h, 1); giosg.KindOf(err) != giosg.Temporary {
			t.Fatal(err)
		}
	}
	w.calls()
	if ms, err := w.since(h, 1); err != nil || len(ms) != 190 {
		t.Errorf("%d messages, %v", len(ms), err)
	}
	if n := w.calls(); n > 60 {
		t.Errorf("%d calls", n)
	}
}

// Messages of the same time do not tell the direction of a list.
func TestHistoryWithEqualTimes(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, o := range map[string]giosgtest.Options{
		"newest first": {Ordering: giosgtest.ObeyOrdering}, "oldest first": {}, "refused": {Ordering: giosgtest.RefuseOrdering},
	} {
		o.SameMillisecond, o.PageSize = true, 4
		o.Now = func() time.Time { return now }
		w := newWorld(t, o, 10)
		w.p.Advance(time.Second)
		w.say(10)
		texts := map[string]bool{}
		ms, err := w.s.ReadHistory(t.Context(), giosg.NewHistory(giosg.ChatID(w.chat.ID), false), func(ms []giosg.Message) bool {
			return slices.ContainsFunc(ms, func(m giosg.Message) bool { return m.Message == "10" })
		})
		for _, m := range ms {
			texts[m.Message] = true
		}
		for n := 10; n <= 20; n++ {
			if !texts[fmt.Sprint(n)] {
				t.Errorf("%s: message %d is missing; %v", name, n, err)
			}
		}
	}
}

// A chat of any real length is read; page links that form a cycle are refused.
func TestHistoryOfALongChat(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{}, 2000)
	if _, err := w.since(giosg.NewHistory(giosg.ChatID(w.chat.ID), false), 1); err != nil || w.calls() != 667 {
		t.Errorf("%v", err)
	}
	p := newPlatform(t, func(rw http.ResponseWriter, r *http.Request) {
		io.WriteString(rw, `{"next": "?ordering=-created_at", "results": [{"id": "m", "created_at": "2026-01-02T03:04:05.678Z"}]}`)
	})
	_, err := p.session(t, nil).ReadHistory(t.Context(), giosg.NewHistory("ch", false), nil)
	if giosg.KindOf(err) != giosg.Invalid || len(p.seen()) > 2 {
		t.Errorf("%d calls: %v", len(p.seen()), err)
	}
}

func TestHistoryErrors(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]giosg.Kind{401: giosg.Unauthorized, 403: giosg.Forbidden, 404: giosg.Gone, 400: giosg.Refused, 409: giosg.Refused, 503: giosg.Temporary} {
		p := newPlatform(t, answer(status, ""))
		s := p.session(t, nil)
		for range 2 {
			_, err := s.ReadHistory(t.Context(), giosg.NewHistory("ch", false), nil)
			wantKind(t, err, want)
		}
		ordered := 0
		for _, c := range p.seen() {
			if strings.Contains(c.uri, "ordering=") {
				ordered++
			}
		}
		if ordered != 2 { // a refusal that is not of the parameter must not switch it off
			t.Errorf("%d: %d calls with the parameter", status, ordered)
		}
	}
	_, err := newPlatform(t, answer(200, "{}")).session(t, nil).ReadHistory(t.Context(), giosg.NewHistory("a/b", false), nil)
	wantKind(t, err, giosg.Invalid)
}

// A list whose times are not in order is read to its end, and nothing new is
// missed later.
func TestHistoryInNoOrder(t *testing.T) {
	t.Parallel()
	times := []int{9, 10, 8, 7, 3, 4, 1} // the newest first, by and large
	p := newPlatform(t, func(rw http.ResponseWriter, r *http.Request) {
		at := 0
		fmt.Sscan(r.URL.Query().Get("cursor"), &at)
		next := "null"
		if at+2 < len(times) {
			next = fmt.Sprintf(`"?cursor=%d"`, at+2)
		}
		var results []string
		for _, n := range times[at:min(at+2, len(times))] {
			results = append(results, fmt.Sprintf(`{"id": "m%d", "created_at": "2026-01-02T03:04:%02dZ"}`, n, n))
		}
		fmt.Fprintf(rw, `{"next": %s, "results": [%s]}`, next, strings.Join(results, ","))
	})
	s := p.session(t, nil)
	h := giosg.NewHistory("ch", false)
	for range 3 {
		ms, err := s.ReadHistory(t.Context(), h, func(ms []giosg.Message) bool {
			return slices.ContainsFunc(ms, func(m giosg.Message) bool { return m.ID == "m1" })
		})
		var got []int
		for _, m := range ms {
			got = append(got, m.CreatedAt.Second())
		}
		want := slices.Sorted(slices.Values(times))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%v, want %v; %v", got, want, err)
		}
		times = slices.Insert(times, 0, 20+len(times))
	}
}
