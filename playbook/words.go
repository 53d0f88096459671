package playbook

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

const (
	// maxHeard is how many bytes of a message are used. The platform's messages have at most 2000 characters.
	maxHeard = 16 << 10
	// maxWord is how many bytes of a word are used.
	maxWord = 200
)

// fold returns the same text for texts that differ only in case or in their Unicode encoding.
func fold(text string) string {
	if isASCII(text) {
		return strings.ToLower(text)
	}
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(text)))
}

// tidy returns a message as patterns see it: in Unicode's composed form and with its case.
func tidy(text string) string {
	text = clip(text, maxHeard)
	if isASCII(text) {
		return text
	}
	return norm.NFC.String(strings.ToValidUTF8(text, "\ufffd"))
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// clip shortens a text to at most a number of bytes. It does not split a character.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// words splits a text into folded words, which are runs of letters and digits. A symbol (for example an emoji or a currency sign) is a
// word of its own. So is each character of a script that has no spaces between words.
func words(text string) []string {
	text = fold(strings.ToValidUTF8(clip(text, maxHeard), " "))
	var all []string
	start := -1
	end := func(i int) {
		if start >= 0 {
			all = append(all, clip(text[start:i], maxWord))
			start = -1
		}
	}
	for i, r := range text {
		switch {
		case invisible(r):
			// It is removed below, because few words have such characters.
		case unspaced(r) || unicode.IsSymbol(r):
			end(i)
			start = i
			end(i + utf8.RuneLen(r))
		case unicode.IsLetter(r) || unicode.IsNumber(r):
			if start < 0 {
				start = i
			}
		case unicode.IsMark(r):
			// It can be in a word, but it does not begin one.
		default:
			end(i)
		}
	}
	end(len(text))
	for i, w := range all {
		if !isASCII(w) && strings.ContainsFunc(w, invisible) {
			all[i] = strings.Map(func(r rune) rune {
				if invisible(r) {
					return -1
				}
				return r
			}, w)
		}
	}
	return all
}

// invisible reports whether r is a character that does not change the word it is in: a soft hyphen, a zero-width character or a variation
// selector.
func invisible(r rune) bool {
	return r == 0xad || r >= 0x200b && r <= 0x200d || r == 0x2060 || r == 0xfeff || r >= 0xfe00 && r <= 0xfe0f
}

func unspaced(r rune) bool {
	return r >= 0x0e00 && unicode.IsLetter(r) &&
		unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}
