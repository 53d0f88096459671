package playbook

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Severity is how serious a Problem is.
type Severity string

const (
	// Error means that the playbook cannot be used.
	Error Severity = "error"
	// Warning means that the playbook can be used, but the author probably did not mean this.
	Warning Severity = "warning"
)

// Problem is something wrong at one place in a file.
type Problem struct {
	File       string
	Line       int // from 1; 0 if the problem is about the whole file
	Column     int // from 1, in characters
	Severity   Severity
	Message    string   // one sentence without a full stop
	Allowed    []string // the names that are allowed there, if they can be listed
	DidYouMean string   // the allowed name that is most similar, or ""
	Excerpt    string   // the line of the file, with a caret under the place
}

// Error returns the problem in full: place, message, suggestions and excerpt. It has several lines.
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": ")
	if p.Severity == Warning {
		b.WriteString("warning: ")
	}
	b.WriteString(p.Message)
	if p.DidYouMean != "" {
		fmt.Fprintf(&b, "; did you mean %q?", p.DidYouMean)
	}
	if len(p.Allowed) > 0 {
		b.WriteString("\n  allowed here: " + strings.Join(p.Allowed, ", "))
	}
	if p.Excerpt != "" {
		b.WriteString("\n" + p.Excerpt)
	}
	return b.String()
}

// LoadError lists everything that is wrong with a file, in the order of the file.
type LoadError struct{ Problems []Problem }

// Error returns all problems, one after the other.
func (e *LoadError) Error() string {
	all := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		all[i] = p.Error()
	}
	return strings.Join(all, "\n")
}

// excerpt returns a line of a file with a caret under a column. It shortens long lines.
func excerpt(lines []string, line, column int) string {
	if line < 1 || line > len(lines) {
		return ""
	}
	const width = 100
	whole := lines[line-1]
	if len(whole) > 100*width { // a file in one line
		if column > 10*width {
			return ""
		}
		whole = clip(whole, 100*width)
	}
	text := []rune(strings.ReplaceAll(strings.TrimRight(whole, "\r"), "\t", " "))
	at := min(max(column-1, 0), len(text))
	lead := ""
	if at > width*2/3 {
		cut := at - width/2
		text, at, lead = text[cut:], at-cut, "…"
	}
	tail := ""
	if len(text) > width {
		text, tail = text[:width], "…"
	}
	margin := fmt.Sprintf("%5d | ", line)
	return margin + lead + string(text) + tail + "\n" +
		strings.Repeat(" ", utf8.RuneCountInString(margin)-2) + "| " + strings.Repeat(" ", at+utf8.RuneCountInString(lead)) + "^"
}

// nearest returns the allowed name that is most similar to word, or "" if none is similar.
func nearest(word string, allowed []string) string {
	best, found := 3, ""
	if n := utf8.RuneCountInString(word); n < 2 {
		return ""
	} else if n < 3 {
		best = 1
	} else if n < 6 {
		best = 2
	}
	if len(word) > 60 {
		return ""
	}
	if len(allowed) > 2000 { // a suggestion is not worth more time
		allowed = allowed[:2000]
	}
	low := strings.ReplaceAll(strings.ToLower(word), "-", "_")
	for _, a := range allowed {
		if d := distance(low, strings.ToLower(a), best+1); d <= best && (found == "" || d < best) {
			best, found = d, a
		}
	}
	return found
}

// distance returns the number of insertions, deletions, replacements and swaps of neighbours between two words. If it is above limit,
// the result may be any number above limit.
func distance(a, b string, limit int) int {
	if d := utf8.RuneCountInString(a) - utf8.RuneCountInString(b); d > limit || -d > limit {
		return limit + 1
	}
	s, t := []rune(a), []rune(b)
	before, last, row := make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(s); i++ {
		row[0] = i
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(t)]
}
