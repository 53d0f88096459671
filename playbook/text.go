package playbook

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxText is the maximum length of one message in characters.
const MaxText = 2000

// split splits a text into pieces of at most MaxText characters. It prefers to split after a paragraph, then after a line, then after a
// sentence, if that is in the second half of a piece. Otherwise it splits between words, and as a last resort anywhere. No piece is
// empty. An empty text has no pieces.
func split(text string) []string {
	text = strings.TrimSpace(text)
	var pieces []string
	for len(text) > MaxText && utf8.RuneCountInString(text) > MaxText {
		cut := cutAt(text)
		pieces = append(pieces, strings.TrimSpace(text[:cut]))
		text = strings.TrimSpace(text[cut:])
	}
	if text != "" {
		pieces = append(pieces, text)
	}
	return pieces
}

// cutAt returns the byte offset at which to split a trimmed text that is too long.
func cutAt(text string) int {
	var paragraph, line, sentence, space int
	n, last := 0, rune(0)
	for i, r := range text {
		if n == MaxText {
			// A space right after the piece is a good place, too.
			if unicode.IsSpace(r) {
				space = i
			}
			half := len(text[:i]) / 2
			for _, at := range []int{paragraph, line, sentence} {
				if at > half {
					return at
				}
			}
			if space > 0 {
				return space
			}
			return i
		}
		if unicode.IsSpace(r) {
			space = i
			switch {
			case r == '\n' && last == '\n':
				paragraph = i
			case r == '\n':
				line = i
			case strings.ContainsRune(".!?…", last):
				sentence = i
			}
		}
		n, last = n+1, r
	}
	return len(text)
}
