package main

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		in   []float64
		want float64
	}{{[]float64{3}, 3}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1, 3, 2}, 2.5}} {
		in := slices.Clone(c.in)
		if got := median(c.in); got != c.want || !slices.Equal(in, c.in) {
			t.Errorf("median(%v) = %v, left %v", in, got, c.in)
		}
	}
	if !math.IsNaN(median(nil)) {
		t.Error("the median of no values is not NaN")
	}
}

func TestQuantile(t *testing.T) {
	var d []time.Duration
	for i := 100; i >= 1; i-- {
		d = append(d, time.Duration(i))
	}
	for q, want := range map[float64]time.Duration{0: 1, 0.5: 50, 0.99: 99, 0.999: 100, 1: 100} {
		if got := quantile(d, q); got != want {
			t.Errorf("quantile %v is %d, want %d", q, got, want)
		}
	}
	if quantile(nil, 0.5) != 0 {
		t.Error("the quantile of no values is not 0")
	}
}

func TestComparedWithinTheRound(t *testing.T) {
	var s series
	for _, busy := range []float64{1, 10, 3} { // the machine is slower by this in each round
		s.add(theFloor, 100/busy)
		s.add(embedded, 60/busy)
	}
	if got := s.ratio(embedded); math.Abs(got-0.6) > 1e-9 {
		t.Errorf("ratio %v", got)
	}
	if got := s.added(embedded); math.Abs(got+40./3) > 1e-9 {
		t.Errorf("added %v", got)
	}
	if !math.IsNaN(s.ratio(withRedis)) {
		t.Error("a subject without values has no ratio")
	}
}

func TestTable(t *testing.T) {
	tab := table{columns: []int{theFloor, embedded}}
	tab.title("Load")
	tab.row("answers/s", series{{12345}, {6172.5}}, ratio)
	tab.row("p50, ms", series{{1}, {1.5}}, added)
	tab.row("start, ms", series{nil, {42.04}}, ratio)
	var b strings.Builder
	if err := tab.write(&b); err != nil {
		t.Fatal(err)
	}
	want := `|           |  floor | embedded | to the floor |
| ---       |   ---: |     ---: |         ---: |
| **Load**  |        |          |              |
| answers/s | 12 345 |    6 172 |       × 0.50 |
| p50, ms   |   1.00 |     1.50 |        +0.50 |
| start, ms |        |     42.0 |              |
`
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
}

func TestIDsTellWhatTheyBelongTo(t *testing.T) {
	seen := map[string]bool{}
	for _, subject := range []int{0, 2} {
		for _, n := range []int{0, 1, 99_999, 1 << 30} {
			id := uuid(subject, n)
			if s, got, err := numbers(id); len(id) != 36 || s != subject || got != n || err != nil {
				t.Errorf("%s: %d %d %v", id, s, got, err)
			}
			if seen[id] {
				t.Errorf("%s twice", id)
			}
			seen[id] = true
		}
	}
	for _, bad := range []string{"", "x", "a-b", "00000000-0000-0000-0000-zz0000000000"} {
		if _, _, err := numbers(bad); err == nil {
			t.Errorf("%q is taken for an id", bad)
		}
	}
}
