package playbook

import (
	"slices"
	"unicode/utf8"

	snowball "github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/arabic"
	"github.com/blevesearch/snowballstem/danish"
	"github.com/blevesearch/snowballstem/dutch"
	"github.com/blevesearch/snowballstem/english"
	"github.com/blevesearch/snowballstem/finnish"
	"github.com/blevesearch/snowballstem/french"
	"github.com/blevesearch/snowballstem/german"
	"github.com/blevesearch/snowballstem/hungarian"
	"github.com/blevesearch/snowballstem/irish"
	"github.com/blevesearch/snowballstem/italian"
	"github.com/blevesearch/snowballstem/norwegian"
	"github.com/blevesearch/snowballstem/portuguese"
	"github.com/blevesearch/snowballstem/romanian"
	"github.com/blevesearch/snowballstem/russian"
	"github.com/blevesearch/snowballstem/spanish"
	"github.com/blevesearch/snowballstem/swedish"
	"github.com/blevesearch/snowballstem/tamil"
	"github.com/blevesearch/snowballstem/turkish"
)

var stemmers = map[string]func(*snowball.Env) bool{
	"ar": arabic.Stem, "da": danish.Stem, "nl": dutch.Stem, "en": english.Stem, "fi": finnish.Stem, "fr": french.Stem, "de": german.Stem,
	"hu": hungarian.Stem, "ga": irish.Stem, "it": italian.Stem, "no": norwegian.Stem, "nb": norwegian.Stem, "nn": norwegian.Stem,
	"pt": portuguese.Stem, "ro": romanian.Stem, "ru": russian.Stem, "es": spanish.Stem, "sv": swedish.Stem, "ta": tamil.Stem, "tr": turkish.Stem,
}

// stem returns the stem of a folded word, which most of its inflected forms have in common.
func stem(lang, word string) string {
	f := stemmers[primary(lang)]
	if f == nil || len(word) > maxWord || utf8.RuneCountInString(word) < 3 {
		return word
	}
	env := snowball.NewEnv(word)
	f(env)
	if s := env.Current(); s != "" {
		return s
	}
	return word
}

// shortStem is the length up to which a stem is not used, in languages with generated forms. Such stems are often equal for different
// words.
const shortStem = 3

// forms returns what matches a word of a keyword: exact words, and stems that are compared with the stems of a message's words.
//
// A stemmer alone gives different stems for many forms of the same Finnish or Swedish word (hinta and hinnan, sko and skorna), because it
// knows only the form. But the dictionary form of a keyword is known, so forms can be generated from it.
func forms(lang, word string) (exact, stems []string) {
	switch short := primary(lang); short {
	case "fi", "sv":
		exact, stems = []string{word}, nil
		for _, w := range relatives(short, word) {
			generate := finnishForms
			if short == "sv" {
				generate = swedishForms
			}
			for _, form := range append(generate(w), w) {
				if s := stem(lang, form); utf8.RuneCountInString(s) > shortStem && (short == "fi" || form == w) {
					stems = append(stems, s)
				} else {
					exact = append(exact, form)
				}
			}
		}
	default:
		for _, w := range relatives(short, word) {
			exact, stems = append(exact, w), append(stems, stem(lang, w))
		}
	}
	slices.Sort(exact)
	slices.Sort(stems)
	return slices.Compact(exact), slices.Compact(stems)
}

// relatives returns a word and its irregular forms.
func relatives(lang, word string) []string {
	for _, group := range irregular[lang] {
		if slices.Contains(group, word) {
			return group
		}
	}
	return []string{word}
}
