package playbook

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxText is how many characters one message may have.
const MaxText = 2000

// split cuts a text into pieces of at most MaxText characters: at the end of a paragraph, line or sentence if there is one in the
// second half of a piece, else between words, else anywhere. No piece is empty, except that an empty text gives none.
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

// cutAt finds where to cut a trimmed text that is too long, in bytes.
func cutAt(text string) int {
	var paragraph, line, sentence, space int
	n, last := 0, rune(0)
	for i, r := range text {
		if n == MaxText {
			// A cut right here is fine if the next character is a space.
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
