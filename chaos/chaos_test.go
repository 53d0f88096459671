//go:build unix

package chaos

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"giosgbot/giosg/giosgtest"
)

// raceful is set by a file that is compiled with the race detector only.
var raceful bool

// short runs the basic troubles for a few seconds, always with the same seed; `make chaos` takes others and all troubles. CHAOS_ARTIFACTS
// names a folder that keeps the files of a failed run.
func short(t *testing.T, o Options) {
	if testing.Short() {
		t.Skip("NOT TESTED: a run takes half a minute")
	}
	o.Dir = t.TempDir()
	if dir := os.Getenv("CHAOS_ARTIFACTS"); dir != "" {
		o.Dir = filepath.Join(dir, filepath.Base(t.Name()))
	}
	o.Race, o.For, o.Calm, o.Chats, o.Only, o.Sweeps = raceful, 10*time.Second, 60*time.Second, 40, Basic(), true
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", r)
	r.Silent = 0 // a sidekick that lost its memory takes messages for answered that it never saw; the long runs report it
	if !r.OK() {
		t.Errorf("a promise is broken; try: go run ./cmd/chaos -v -for 10s -chats 40 -only basic -sweeps on -seed %d", r.Seed)
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
	short(t, Options{Seed: 771504})
}

func TestChaosWithFile(t *testing.T) {
	t.Parallel()
	short(t, Options{File: true, Seed: 763212})
}

// Messages that wait at the same time need different answers: otherwise the judge cannot tell which was answered first.
func TestMessagesSideBySideDiffer(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2000) {
		waiting := map[int]bool{}
		s := write(seed, 0, 1, 3, time.Second, func(string) bool { return false })
		for i, st := range s.steps {
			if i == 0 || s.served == byBot && !s.steps[i-1].impatient {
				clear(waiting)
			}
			for _, text := range st.texts {
				if n := ruleIn(text); n >= 0 && waiting[n] {
					t.Fatalf("seed %d: %q waits with another of its rule", seed, text)
				} else if n >= 0 {
					waiting[n] = true
				}
			}
		}
	}
}

// transcript builds the lines of a chat, a second apart.
type transcript struct{ at time.Time }

func (x *transcript) line(who, kind, text string) giosgtest.Line {
	x.at = x.at.Add(time.Second)
	l := giosgtest.Line{ID: x.at.String(), At: x.at, Who: who, Type: kind, Text: text}
	if base, _ := editionOf(text); who == "bot" && strings.HasPrefix(base, "Answer") && !strings.Contains(base, "once more") {
		n := -1
		_, _ = fmt.Sscanf(base, "Answer %d", &n)
		if button(n) {
			l.Attachments = []giosgtest.Attachment{{Actions: []giosgtest.Action{{Text: new(fmt.Sprintf("Press %d", n)), Value: new(value(n))}}}}
		}
	}
	return l
}

func (x *transcript) visitor(text string) giosgtest.Line { return x.line("visitor", "msg", text) }
func (x *transcript) bot(text string) giosgtest.Line     { return x.line("bot", "msg", text) }

// The judge must find everything that is wrong, and nothing else.
func TestJudge(t *testing.T) {
	t.Parallel()
	x := &transcript{at: time.Now()}
	o := &org{Org: &giosgtest.Org{Name: "Acme"}}
	hello, one, four, seven := greeting("Acme", "en"), answers(1, "en", false), answers(4, "en", false)[0], answers(7, "en", false)[0]
	sorry := fallback("en")
	bare := x.bot(seven)
	bare.Attachments = nil
	for name, c := range map[string]struct {
		lines                         []giosgtest.Line
		lost, doubled, swapped, wrong int
	}{
		"all well":            {lines: []giosgtest.Line{x.visitor(word(1)), x.bot(hello), x.bot(one[0]), x.bot(one[1]), x.visitor("hm"), x.bot(sorry), x.visitor("hm"), x.bot(sorry)}},
		"early nonsense":      {lines: []giosgtest.Line{x.visitor("hm"), x.bot(hello)}},
		"no greeting":         {lines: []giosgtest.Line{x.visitor(word(4)), x.bot(four)}, lost: 1, swapped: 1},
		"greeted twice":       {lines: []giosgtest.Line{x.visitor(word(4)), x.bot(hello), x.bot(four), x.bot(hello)}, doubled: 1},
		"half an answer":      {lines: []giosgtest.Line{x.visitor(word(1)), x.bot(hello), x.bot(one[0])}, lost: 1},
		"answered twice":      {lines: []giosgtest.Line{x.visitor(word(4)), x.bot(hello), x.bot(four), x.bot(four)}, doubled: 1},
		"sorry twice":         {lines: []giosgtest.Line{x.visitor(word(4)), x.bot(hello), x.bot(four), x.visitor("hm"), x.bot(sorry), x.bot(sorry)}, doubled: 1},
		"the wrong way":       {lines: []giosgtest.Line{x.visitor(word(4)), x.visitor(word(7)), x.bot(hello), x.bot(seven), x.bot(four)}, swapped: 1},
		"before it is asked":  {lines: []giosgtest.Line{x.visitor("hm"), x.bot(hello), x.bot(four), x.visitor(word(4))}, lost: 1, doubled: 1},
		"in other words":      {lines: []giosgtest.Line{x.visitor(word(4)), x.bot(hello), x.bot(answers(4, "fi", false)[0])}, lost: 1, doubled: 1},
		"once more":           {lines: []giosgtest.Line{x.visitor(word(6)), x.bot(hello), x.bot(answers(6, "en", false)[0]), x.visitor(word(6)), x.bot(again(6, "en"))}},
		"a button is missing": {lines: []giosgtest.Line{x.visitor(word(7)), x.bot(hello), bare}, wrong: 1},
		"a newer edition":     {lines: []giosgtest.Line{x.visitor(word(1)), x.bot(hello), x.bot(inEdition(one[0], 2)), x.bot(inEdition(one[1], 2))}},
		"both editions":       {lines: []giosgtest.Line{x.visitor(word(4)), x.bot(hello), x.bot(four), x.bot(inEdition(four, 1))}, doubled: 1},
		"mixed editions":      {lines: []giosgtest.Line{x.visitor(word(1)), x.bot(hello), x.bot(one[0]), x.bot(inEdition(one[1], 1))}, wrong: 1},
		"handed over":         {lines: []giosgtest.Line{x.visitor(askTeam), x.bot(hello), x.bot(oneMoment("en")), x.bot(asked("en")), x.visitor(word(4))}},
		"spoke after that":    {lines: []giosgtest.Line{x.visitor(askTeam), x.bot(hello), x.bot(oneMoment("en")), x.bot(asked("en")), x.visitor(word(4)), x.bot(four)}, doubled: 1},
		"nobody is there":     {lines: []giosgtest.Line{x.visitor(askNight), x.bot(hello), x.bot(nobody("en")), x.visitor("hm"), x.bot(sorry)}},
		"wrongly nobody":      {lines: []giosgtest.Line{x.visitor(askTeam), x.bot(hello), x.bot(nobody("en"))}, wrong: 1},
	} {
		v := (&world{}).judge(&talk{script: script{lang: "en"}, org: o}, slices.Clone(c.lines))
		if v.waiting() != c.lost || len(v.doubled) != c.doubled || len(v.swapped) != c.swapped || len(v.wrong) != c.wrong {
			t.Errorf("%s: lost %d, doubled %d, reordered %d, wrong %q; want %d, %d, %d, %d", name, v.waiting(), len(v.doubled), len(v.swapped), v.wrong, c.lost, c.doubled, c.swapped, c.wrong)
		}
	}
}

// A chat that waited again may be greeted again, once.
func TestJudgeOfAChatThatWaitsAgain(t *testing.T) {
	t.Parallel()
	x := &transcript{at: time.Now()}
	o := &org{Org: &giosgtest.Org{Name: "Acme"}}
	hello, four := greeting("Acme", "en"), answers(4, "en", false)[0]
	lines := []giosgtest.Line{x.visitor(word(4)), x.bot(hello), x.bot(four), x.line("bot", "leave", ""), x.line("bot", "join", ""), x.bot(hello), x.visitor(word(4)), x.bot(four)}
	chat := &talk{script: script{lang: "en"}, org: o}
	chat.back.Store(lines[3].At.UnixNano())
	if v := (&world{}).judge(chat, lines); v.waiting() > 0 || len(v.doubled) > 0 || len(v.swapped) > 0 {
		t.Errorf("greeted again: %+v", v)
	}
	if v := (&world{}).judge(chat, slices.Delete(slices.Clone(lines), 5, 6)); v.waiting() > 0 || len(v.doubled) > 0 || len(v.swapped) > 0 {
		t.Errorf("not greeted again: %+v", v)
	}
	if v := (&world{}).judge(chat, append(lines, x.bot(hello))); len(v.doubled) != 1 {
		t.Errorf("greeted a third time: %+v", v)
	}
}

// An answer before its turn is wrong only if the bot could know better.
func TestOrder(t *testing.T) {
	t.Parallel()
	start := time.Now()
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	first := giosgtest.Line{ID: "first", ChatID: "c", At: at(0)}
	second := giosgtest.Line{ID: "second", ChatID: "c", At: at(1)}
	s := swap{answer: answer{debt: debt{text: "two", to: second}, by: giosgtest.Line{ID: "two", Text: "two", At: at(9)}}, passed: []giosgtest.Line{first}}
	hook := func(from, to int) []arrival { return []arrival{{at(from), at(to), http.StatusAccepted}} }
	for name, c := range map[string]struct {
		first, second []arrival
		reads         []reading
		event         string // a fault at 3 s
		want          int
	}{
		"no webhook about the first":    {second: hook(2, 2), want: unknowable},
		"kept before the second came":   {first: hook(0, 1), second: hook(2, 3), want: known},
		"kept during the second's turn": {first: hook(4, 5), second: hook(2, 3), want: tooLate},
		"came after the answer":         {first: hook(9, 10), second: hook(2, 3), want: unknowable},
		"refused before, kept later":    {first: []arrival{{at(0), at(1), 503}, {at(5), at(6), 202}}, second: hook(2, 3), want: tooLate},
		"it read the chat":              {second: hook(2, 3), reads: []reading{{1, at(4), at(5)}}, want: known},
		"another replica read the chat": {second: hook(2, 3), reads: []reading{{2, at(4), at(5)}}, want: unknowable},
		"read before the second came":   {second: hook(2, 3), reads: []reading{{1, at(0), at(1)}}, want: unknowable},
		"the replica was frozen":        {second: hook(2, 3), reads: []reading{{1, at(4), at(5)}}, event: "freeze", want: unknowable},
		"the store lost the first":      {first: hook(0, 1), second: hook(4, 5), event: flushed, want: unknowable},
	} {
		w := &world{edge: newEdge()}
		w.edge.hooks["first"], w.edge.hooks["second"], w.edge.reads["c"] = c.first, c.second, c.reads
		w.edge.sends["c"] = []sending{{1, at(8), "two"}}
		if c.event != "" {
			w.events = []event{{At: at(3), Kind: c.event}}
		}
		if got := w.order(&talk{}, s, verdict{}); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// A defect must fit the bot's sources, or it tests nothing.
func TestSabotages(t *testing.T) {
	t.Parallel()
	for _, name := range Sabotages() {
		if _, err := sabotage(t.Context(), name, t.TempDir()); err != nil {
			t.Error(err)
		}
	}
}
