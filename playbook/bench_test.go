package playbook_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"giosgbot/playbook"
)

// big returns a playbook with a number of rules. Each has four keywords, two of them phrases.
func big(rules int, extra string) string {
	var b strings.Builder
	b.WriteString("name: big\n" + extra + "rules:\n")
	r := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		var w strings.Builder
		for range 2 + r.IntN(3) {
			w.WriteByte("bcdfghklmnprstv"[r.IntN(15)])
			w.WriteByte("aeiou"[r.IntN(5)])
		}
		return w.String()
	}
	for i := range rules {
		fmt.Fprintf(&b, "  - {name: r%d, when: {keywords: [%s%d, %s, order %s, %s %s]}, say: answer %d}\n", i, word(), i, word(), word(), word(), word(), i)
	}
	b.WriteString("fallback: {say: Sorry.}\n")
	return b.String()
}

// TestManyRulesTakeNoLonger compares the time for 50 rules with that for 5,000 rules (20,000 keywords).
func TestManyRulesTakeNoLonger(t *testing.T) {
	in := playbook.Input{Kind: playbook.Said, ID: "1", Text: question, Mode: playbook.Agent}
	few, many := load(t, big(50, "")), load(t, big(5000, ""))
	round := func(p *playbook.Playbook) time.Duration {
		begin := time.Now()
		for range 200 {
			p.Next(playbook.State{Greeted: true}, in)
		}
		return time.Since(begin)
	}
	// Measure in turns, so that other load on the machine affects both, and compare the best times.
	a, b := time.Hour, time.Hour
	for range 40 {
		a, b = min(a, round(few)), min(b, round(many))
	}
	if b > 2*a {
		t.Errorf("a message with 5,000 rules costs %.1f times one with 50", float64(b)/float64(a))
	}
}

const question = "Hello! I have placed an order last week, and the parcel has not arrived yet. Where can I see how it is doing? Thank you very much."

func BenchmarkNext(b *testing.B) {
	for _, rules := range []int{50, 5000} {
		for name, extra := range map[string]string{"": "", "typos": "typos: true\n", "fi": "languages: [fi]\n"} {
			b.Run(fmt.Sprintf("rules=%d/%s", rules, name), func(b *testing.B) {
				p := load(b, big(rules, extra))
				in := playbook.Input{Kind: playbook.Said, ID: "1", Text: question, Mode: playbook.Agent}
				b.ReportAllocs()
				for b.Loop() {
					p.Next(playbook.State{Greeted: true}, in)
				}
			})
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	for name, extra := range map[string]string{"en": "", "fi": "languages: [fi]\n"} {
		b.Run(name, func(b *testing.B) {
			data := []byte(big(5000, extra))
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, err := playbook.Load("x.yaml", data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
