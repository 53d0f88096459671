package playbook

import "strings"

// swedishForms returns the forms of a Swedish noun, adjective or verb. word is its dictionary form. As with finnishForms, some of the
// forms do not exist.
func swedishForms(word string) []string {
	if len(word) < 2 {
		return nil
	}
	var all []string
	put := func(stem string, endings ...string) {
		for _, e := range endings {
			all = append(all, stem+e)
		}
	}
	noun := []string{"en", "et", "ar", "er", "arna", "erna", "ens", "ets", "ernas", "arnas", "s", "ers", "ars"}
	root := word[:len(word)-1]
	switch {
	case strings.HasSuffix(word, "a"):
		put(root, "an", "ans", "or", "ors", "orna", "ornas")
		put(root, "ar", "ade", "at", "as", "ades", "ats", "ande")
		put(root, "er", "de", "te", "t", "d", "da", "ts", "es")
		if strings.HasSuffix(root, "t") {
			put(root, "t")
		}
		put(word, "r", "s", "dde", "tt", "d", "ren")
		if strings.HasSuffix(root, "er") { // leverera
			put(root, "ar", "ade", "at")
		}
	case strings.HasSuffix(word, "e"), strings.HasSuffix(word, "o"):
		put(word, "n", "t", "ns", "ts", "na", "nas", "r", "rna", "s")
		put(root, "ar", "arna", "or", "orna", "er")
	case strings.HasSuffix(word, "i"), strings.HasSuffix(word, "u"), strings.HasSuffix(word, "y"), strings.HasSuffix(word, "å"):
		put(word, "n", "t", "tt", "a", "er", "erna", "et", "ets", "r", "rna", "s", "ns")
	case strings.HasSuffix(word, "el"), strings.HasSuffix(word, "er"), strings.HasSuffix(word, "en"):
		short := word[:len(word)-2] + word[len(word)-1:]
		put(word, "n", "ns", "s", "na", "t")
		put(short, "a", "ar", "arna", "et", "en", "ets", "ens", "ars")
		put(word, noun...)
		if strings.HasSuffix(word, "en") {
			put(root, "t")
		}
	default:
		put(word, noun...)
		put(word, "t", "a", "na", "n", "or", "orna")
		if strings.HasSuffix(word, "d") {
			put(root, "t")
		}
		if strings.HasSuffix(word, "m") || strings.HasSuffix(word, "n") { // rum, rummet
			put(word+word[len(word)-1:], "en", "et", "ar", "er", "arna", "erna")
		}
	}
	return all
}
