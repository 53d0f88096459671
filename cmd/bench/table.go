package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// table is the report: a row for each figure, a column for each subject, and for the bot's columns a comparison with the floor.
type table struct {
	rows    [][]string
	columns []int // the subjects that are measured
}

// against is how a figure is compared with the floor's.
type against int

const (
	nothing against = iota
	ratio           // divided by the floor's
	added           // minus the floor's
)

// row adds a figure. The name contains the unit of the values.
func (t *table) row(name string, s series, how against) {
	cells := []string{name}
	for _, subject := range t.columns {
		cells = append(cells, number(median(s[subject])))
		if subject == theFloor {
			continue
		}
		beside := ""
		switch how {
		case ratio:
			if v := s.ratio(subject); !math.IsNaN(v) {
				beside = "× " + number(v)
			}
		case added:
			if v := s.added(subject); !math.IsNaN(v) {
				beside = fmt.Sprintf("%+.2f", v)
			}
		}
		cells = append(cells, beside)
	}
	t.rows = append(t.rows, cells)
}

// title adds a line between groups of rows.
func (t *table) title(text string) {
	cells := []string{"**" + text + "**"}
	for len(cells) < len(t.header()) {
		cells = append(cells, "")
	}
	t.rows = append(t.rows, cells)
}

func (t *table) header() []string {
	cells := []string{""}
	for _, s := range t.columns {
		cells = append(cells, subjectNames[s])
		if s != theFloor {
			cells = append(cells, "to the floor")
		}
	}
	return cells
}

// number formats a value with three digits. It returns an empty string for NaN.
func number(v float64) string {
	abs := math.Abs(v)
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return ""
	case abs >= 100:
		return thousands(strconv.FormatFloat(v, 'f', 0, 64))
	case abs >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

func thousands(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return sign + s
}

// write writes the table as Markdown with aligned columns.
func (t *table) write(w io.Writer) error {
	header := t.header()
	rule := make([]string, len(header))
	for i := range rule {
		if rule[i] = "---:"; i == 0 {
			rule[i] = "---"
		}
	}
	all := append([][]string{header, rule}, t.rows...)
	width := make([]int, len(header))
	for _, r := range all {
		for i, c := range r {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	for _, r := range all {
		var b strings.Builder
		for i, c := range r {
			gap := strings.Repeat(" ", width[i]-utf8.RuneCountInString(c))
			if i == 0 {
				b.WriteString("| " + c + gap + " |")
			} else {
				b.WriteString(" " + gap + c + " |")
			}
		}
		if _, err := fmt.Fprintln(w, b.String()); err != nil {
			return err
		}
	}
	return nil
}
