//go:build unix

package chaos

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"giosgbot/giosg/giosgtest"
)

// raceful is set by a file that is compiled with the race detector only.
var raceful bool

// bound is a run that is short enough for every day, with the same seed every day; `make chaos` takes others. CHAOS_ARTIFACTS names a
// folder that keeps what a failed run has left.
func bound(t *testing.T, o Options) {
	if testing.Short() {
		t.Skip("NOT TESTED: a run takes half a minute")
	}
	o.Dir = t.TempDir()
	if dir := os.Getenv("CHAOS_ARTIFACTS"); dir != "" {
		o.Dir = filepath.Join(dir, filepath.Base(t.Name()))
	}
	o.Race, o.For, o.Calm, o.Chats = raceful, 10*time.Second, 40*time.Second, 40
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", r)
	if !r.OK() {
		t.Errorf("a promise is broken; try: go run ./cmd/chaos -v -for 10s -chats 40 -seed %d", r.Seed)
		for _, name := range r.Worst[:min(len(r.Worst), 2)] {
			if b, err := os.ReadFile(name); err == nil {
				t.Logf("%s", b)
			}
		}
	}
}

func TestChaosWithRedis(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		const msg = "NOT TESTED with Redis: there is no redis-server on this machine; `make test` installs it, or: apt-get install redis-server (brew install redis)"
		if os.Getenv("CI") != "" {
			t.Fatal(msg)
		}
		t.Skip(msg)
	}
	t.Parallel()
	bound(t, Options{Seed: 771504})
}

func TestChaosWithFile(t *testing.T) {
	t.Parallel()
	bound(t, Options{File: true, Seed: 763212})
}

// Which of two messages was answered first cannot be told when both have the same answer.
func TestMessagesSideBySideDiffer(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2000) {
		waiting := map[int]bool{}
		s := write(seed, 0, 1, 3, time.Second)
		for i, st := range s.steps {
			if i == 0 || s.served == byBot && !s.steps[i-1].impatient {
				clear(waiting)
			}
			for _, text := range st.texts {
				if n := ruleIn(text); n >= 0 && waiting[n] {
					t.Fatalf("seed %d: %q waits beside another of its kind", seed, text)
				} else if n >= 0 {
					waiting[n] = true
				}
			}
		}
	}
}

// The judge is what all depends on: it must see what is wrong.
func TestJudge(t *testing.T) {
	t.Parallel()
	at := time.Now()
	line := func(who, kind, text string) giosgtest.Line {
		at = at.Add(time.Second)
		return giosgtest.Line{ID: at.String(), At: at, Who: who, Type: kind, Text: text}
	}
	visitor := func(text string) giosgtest.Line { return line("visitor", "msg", text) }
	bot := func(text string) giosgtest.Line { return line("bot", "msg", text) }
	o := &org{Org: &giosgtest.Org{Name: "Acme"}}
	hello, one, four := greeting("Acme", "en"), answers(1, "en", false), answers(4, "en", false)
	sorry := fallback("en")
	for name, c := range map[string]struct {
		lines                  []giosgtest.Line
		lost, doubled, swapped int
	}{
		"all well":           {lines: []giosgtest.Line{visitor(word(1)), bot(hello), bot(one[0]), bot(one[1]), visitor("hm"), bot(sorry), visitor("hm"), bot(sorry)}},
		"early nonsense":     {lines: []giosgtest.Line{visitor("hm"), bot(hello)}},
		"no greeting":        {lines: []giosgtest.Line{visitor(word(4)), bot(four[0])}, lost: 1, swapped: 1},
		"greeted twice":      {lines: []giosgtest.Line{visitor(word(4)), bot(hello), bot(four[0]), bot(hello)}, doubled: 1},
		"half an answer":     {lines: []giosgtest.Line{visitor(word(1)), bot(hello), bot(one[0])}, lost: 1},
		"answered twice":     {lines: []giosgtest.Line{visitor(word(4)), bot(hello), bot(four[0]), bot(four[0])}, doubled: 1},
		"sorry twice":        {lines: []giosgtest.Line{visitor(word(4)), bot(hello), bot(four[0]), visitor("hm"), bot(sorry), bot(sorry)}, doubled: 1},
		"the wrong way":      {lines: []giosgtest.Line{visitor(word(4)), visitor(word(7)), bot(hello), bot(answers(7, "en", false)[0]), bot(four[0])}, swapped: 1},
		"before it is asked": {lines: []giosgtest.Line{visitor("hm"), bot(hello), bot(four[0]), visitor(word(4))}, lost: 1, doubled: 1},
		"in other words":     {lines: []giosgtest.Line{visitor(word(4)), bot(hello), bot(answers(4, "fi", false)[0])}, lost: 1, doubled: 1},
		"once more":          {lines: []giosgtest.Line{visitor(word(3)), bot(hello), bot(answers(3, "en", false)[0]), visitor(word(3)), bot(again(3, "en"))}},
	} {
		v := (&world{}).judge(&talk{script: script{lang: "en"}, org: o}, slices.Clone(c.lines))
		if len(v.owed) != c.lost || len(v.doubled) != c.doubled || len(v.swapped) != c.swapped {
			t.Errorf("%s: lost %d, doubled %d, reordered %d; want %d, %d, %d", name, len(v.owed), len(v.doubled), len(v.swapped), c.lost, c.doubled, c.swapped)
		}
	}
}

// An answer out of turn is only to be held against a turn that could know better.
func TestOrder(t *testing.T) {
	t.Parallel()
	start := time.Now()
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	first := giosgtest.Line{ID: "first", ChatID: "c", At: at(0)}
	second := giosgtest.Line{ID: "second", ChatID: "c", At: at(1)}
	s := swap{answer: answer{debt{text: "two", to: second}, giosgtest.Line{ID: "two", At: at(9)}}, passed: []giosgtest.Line{first}}
	post := giosgtest.Call{Method: http.MethodPost, Body: `{"message":"two"}`, Status: 201, At: at(8)}
	get := giosgtest.Call{Method: http.MethodGet, Status: 200, At: at(6)}
	mine, other := work{"c", "second"}, work{"c", "check"}
	for name, c := range map[string]struct {
		logs  records
		calls []giosgtest.Call
		told  int // when giosg was told that the second is kept; before the turn unless it says otherwise
		sent  int // when the webhook of the second began, if its answer was lost
		want  int
	}{
		"nobody told it":                            {logs: records{said: map[string]work{"two": mine}}, want: unknowable},
		"told before it began":                      {logs: records{said: map[string]work{"two": mine}, kept: map[string]time.Time{"first": at(1)}}, want: known},
		"told while it was at work":                 {logs: records{said: map[string]work{"two": mine}, kept: map[string]time.Time{"first": at(5)}}, want: tooLate},
		"it read the chat":                          {logs: records{said: map[string]work{"two": mine}, reads: map[work][]time.Time{mine: {at(6)}}}, calls: []giosgtest.Call{get}, want: known},
		"another turn read the chat":                {logs: records{said: map[string]work{"two": mine}, reads: map[work][]time.Time{other: {at(6)}}}, calls: []giosgtest.Call{get}, want: unknowable},
		"spoke before it was told that it was kept": {told: 10, logs: records{said: map[string]work{"two": mine}, kept: map[string]time.Time{"first": at(9)}}, want: unknowable},
		"begun before it was said to be kept":       {sent: 3, logs: records{said: map[string]work{"two": mine}, kept: map[string]time.Time{"first": at(4), "second": at(5)}}, want: tooLate},
		"it read, spoke and was shot":               {logs: records{reads: map[work][]time.Time{mine: {at(6)}}}, want: known},
		"it was shot, and then another turn read":   {logs: records{reads: map[work][]time.Time{other: {at(6)}}}, calls: []giosgtest.Call{get}, want: unknowable},
	} {
		told := map[string]news{"second": {accepted: at(max(c.told, 2))}}
		if c.sent > 0 {
			told["second"] = news{sent: []time.Time{at(c.sent)}}
		}
		if got := (&world{}).order(&talk{}, s, verdict{}, told, &c.logs, append(c.calls, post)); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
