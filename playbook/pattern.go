package playbook

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// maxPattern is the maximum length of a pattern in characters.
	maxPattern = 500
	// maxPatterns is the maximum number of patterns in a file. Unlike keywords, each of them takes time for each message.
	maxPatterns = 500
	// maxPatternSize is the maximum size of all patterns together, with repetitions written out.
	maxPatternSize = 50_000
)

func (c *compiler) patternsOf(r *rule, w *whenSpec, langs []string) {
	// Patterns rarely depend on the language, so one without a language is used for all.
	for _, lang := range langs {
		l := w.Pattern.in(lang)
		if l == nil {
			continue
		}
		slot := slices.Index(c.base.slots, lang)
		for _, x := range l.items {
			if x.s == "" {
				continue
			}
			if utf8.RuneCountInString(x.s) > maxPattern {
				c.src.fault(x.at, "", nil, "this pattern is longer than %d characters", maxPattern)
				continue
			}
			re := c.pattern(x)
			if re == nil {
				continue
			}
			if re.MatchString("") {
				c.src.fault(x.at, "", nil, "the pattern %q matches every message", x.s)
				continue
			}
			r.patterns[slot] = append(r.patterns[slot], re)
		}
	}
}

// pattern compiles a regular expression. If it is not valid, pattern adds an error and returns nil.
func (c *compiler) pattern(x word) *regexp.Regexp {
	if re, done := c.compiled[x.at]; done {
		return re
	}
	c.compiled[x.at] = nil
	parsed, err := syntax.Parse(x.s, syntax.Perl|syntax.FoldCase)
	if err != nil {
		c.src.fault(x.at, "", nil, "this is not a valid pattern: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		return nil
	}
	// Check the size first, because compiling writes repetitions out.
	if c.patternSize += sizeOf(parsed); len(c.compiled) > maxPatterns || c.patternSize > maxPatternSize {
		c.src.fault(x.at, "", nil, "up to here there are too many patterns, or they are too large; each pattern takes time for every message, so use keywords where you can")
		return nil
	}
	re, err := regexp.Compile("(?i)" + x.s)
	if err != nil {
		c.src.fault(x.at, "", nil, "this is not a valid pattern: %v", err)
		return nil
	}
	c.compiled[x.at] = re
	return re
}

// sizeOf estimates the size of a pattern with its repetitions written out.
func sizeOf(re *syntax.Regexp) int {
	size := 1 + len(re.Rune)
	for _, sub := range re.Sub {
		size += sizeOf(sub)
	}
	if re.Op == syntax.OpRepeat {
		size *= max(re.Min, re.Max, 1)
	}
	return min(size, maxPatternSize+1)
}
