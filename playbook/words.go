package playbook

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

const (
	// maxHeard is how much of a message is looked at, in bytes. The platform's messages have 2000 characters.
	maxHeard = 16 << 10
	// maxWord is how much of a word is looked at, in bytes.
	maxWord = 200
)

// fold brings words that differ only in case or in how Unicode spells them to one form.
func fold(text string) string {
	if isASCII(text) {
		return strings.ToLower(text)
	}
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(text)))
}

// tidy is the form of a message that patterns see: one spelling for each character, and case as it was.
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

// clip cuts a text to a number of bytes, between characters.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// words splits a text into folded words: runs of letters and digits. A symbol (an emoji, a currency) is a word of its own, and so is
// each character of scripts that do not put spaces between words.
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
			// Handled below: words with such characters in them are rare.
		case unspaced(r) || unicode.IsSymbol(r):
			end(i)
			start = i
			end(i + utf8.RuneLen(r))
		case unicode.IsLetter(r) || unicode.IsNumber(r):
			if start < 0 {
				start = i
			}
		case unicode.IsMark(r):
			// Part of a word, but never its beginning.
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

// invisible characters may stand in the middle of a word without changing it: soft hyphen, zero-width ones, variation selectors.
func invisible(r rune) bool {
	return r == 0xad || r >= 0x200b && r <= 0x200d || r == 0x2060 || r == 0xfeff || r >= 0xfe00 && r <= 0xfe0f
}

func unspaced(r rune) bool {
	return r >= 0x0e00 && unicode.IsLetter(r) &&
		unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}
