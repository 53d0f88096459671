package main

import (
	"math"
	"slices"
	"time"
)

// median returns the median of the values, or NaN if there are none.
func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	v = slices.Sorted(slices.Values(v))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

// quantile returns the smallest duration that a share q of all durations does not exceed, or 0 if there are none.
func quantile(d []time.Duration, q float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	d = slices.Sorted(slices.Values(d))
	return d[max(0, min(len(d)-1, int(math.Ceil(q*float64(len(d))))-1))]
}

// series holds the values of one figure: for each subject one value a round. Comparing within a round removes what all subjects of the
// round share, like a busy machine.
type series [subjects][]float64

func (s *series) add(subject int, v float64) { s[subject] = append(s[subject], v) }

// ratio returns the median over the rounds of the subject's value divided by the floor's.
func (s *series) ratio(subject int) float64 {
	return s.compared(subject, func(v, floor float64) float64 { return v / floor })
}

// added returns the median over the rounds of the subject's value minus the floor's.
func (s *series) added(subject int) float64 {
	return s.compared(subject, func(v, floor float64) float64 { return v - floor })
}

func (s *series) compared(subject int, f func(v, floor float64) float64) float64 {
	var out []float64
	for i := range min(len(s[subject]), len(s[theFloor])) {
		out = append(out, f(s[subject][i], s[theFloor][i]))
	}
	return median(out)
}
