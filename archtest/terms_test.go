package archtest

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// oldTerms are words and phrases that this project does not use, with what it writes instead. docs/design.md has the glossary.
var oldTerms = []struct {
	pattern string // a regular expression that ignores case; a space also matches a line break
	write   string
}{
	{`the doors?`, "webhook endpoint"},
	{`set asides?`, `dead letter, give up ("set aside" in quotes is a public value)`},
	{`sets? \w+ aside`, "gives up"},
	{`setting aside`, "giving up"},
	{`buried|burying`, "dead letter"},
	{`in force`, "active"},
	{`(comes?|came|coming) to rest`, "stops, settles"},
	{`(left|leaves?) in peace`, "not called, ignored"},
	{`puts? off|putting off`, "throttled, postponed"},
	{`comes? again`, "is retried"},
	{`cannot matter|can matter to`, "is ignored, has no effect"},
	{`in(to)? hand|in (its|a worker's|another's) hands?`, "leased"},
	{`cut off|cut-off`, "whose lease has expired, canceled"},
	{`liv(es?|ed|ing) through`, "replays"},
	{`catching up`, "sweep"},
	{`(looks?|looked|looking) (for|through) (visitors|chats)`, "sweeps"},
	{`tells? whether`, "reports whether"},
	{`hardly meant`, "probably a mistake"},
	{`stands? in (the|a) (chat|file|readme|playbook|record|map|place)`, "is in"},
	{`is as good as`, "is equivalent to"},
	{`by then whoever`, "then the caller that"},
	{`what (he|she) (sent|said|wrote)`, "the message"},
	{`ailing`, "failing"},
	{`politely|politeness`, "throttling, limits"},
	{`that is so`, "the condition holds"},
	{`a date stands`, "a date replaces the weekday"},
	{`begun after this one was asked`, "started later"},
	{`a memo that is lost`, "without its memo"},
	{`which (playbook|one) holds`, "is active"},
	{`accounting`, "replay"},
}

// public matches values and names that have an old term in them and stay: others rely on them.
var public = regexp.MustCompile("(?i)[\"'`]set aside[\"'`]|set_aside|\\bSetAside\\b")

// checked reports whether a file is checked for old terms.
func checked(name string) bool {
	base := path.Base(name)
	if name == "archtest/terms_test.go" || strings.Contains(name, "testdata/") || strings.Contains(name, "node_modules/") {
		return false
	}
	return base == "Makefile" || base == "Dockerfile" || slices.Contains([]string{".go", ".md", ".html", ".js", ".css", ".yaml", ".yml"}, path.Ext(name))
}

// commentBreak is a line break within a comment, or within a paragraph of Markdown.
var commentBreak = regexp.MustCompile(`[ \t]*\n[ \t]*(?://|#|\*)?[ \t]*`)

func TestOldTermsAreGone(t *testing.T) {
	for _, name := range sources(t) {
		if !checked(name) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if os.IsNotExist(err) { // deleted, and not committed yet
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range findOldTerms(b) {
			t.Errorf("%s:%s", name, found)
		}
	}
}

func TestOldTermsAreFound(t *testing.T) {
	text := "a door\n// the\n// Door\n\nThe playbook in\nforce has `set aside` and \"set aside\".\nThe bot set it aside, in. Force.\n"
	want := []string{`2: "the Door": write webhook endpoint`, `5: "in force": write active`, `7: "set it aside": write gives up`}
	if got := findOldTerms([]byte(text)); !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

// findOldTerms returns the old terms in a file, each with its line and what to write instead.
func findOldTerms(b []byte) (found []string) {
	text, lines := joined(b)
	for i, pattern := range oldPatterns() {
		for _, at := range pattern.FindAllIndex(text, -1) {
			term := strings.ReplaceAll(string(text[at[0]:at[1]]), "\x00", " ")
			found = append(found, fmt.Sprintf("%d: %q: write %s", lines[at[0]], term, oldTerms[i].write))
		}
	}
	slices.SortStableFunc(found, func(a, b string) int { return cmp.Compare(lineOf(a), lineOf(b)) })
	return found
}

func lineOf(found string) int {
	line, _, _ := strings.Cut(found, ":")
	n, _ := strconv.Atoi(line)
	return n
}

var oldPatterns = sync.OnceValue(func() []*regexp.Regexp {
	var out []*regexp.Regexp
	for _, o := range oldTerms {
		out = append(out, regexp.MustCompile(`(?i)\b(?:`+strings.ReplaceAll(o.pattern, " ", `[ \x00]`)+`)\b`))
	}
	return out
})

// joined returns a file's text with a zero byte for each line break, and the line number of each byte. Dashes replace what is public.
func joined(b []byte) (text []byte, lines []int) {
	b = public.ReplaceAllFunc(b, func(found []byte) []byte { return bytes.Repeat([]byte("-"), len(found)) })
	line, from := 1, 0
	add := func(part []byte) {
		for range part {
			lines = append(lines, line)
		}
		text = append(text, part...)
	}
	for _, at := range commentBreak.FindAllIndex(b, -1) {
		add(b[from:at[0]])
		add([]byte{0})
		line++
		from = at[1]
	}
	add(b[from:])
	return text, lines
}
