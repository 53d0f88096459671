package playbook

import (
	"slices"
	"strings"
)

// finnishForms returns the forms of a Finnish noun, adjective or verb. word is its dictionary form. The ending alone does not show which
// of several inflections a word has, so some of the forms do not exist. They do no harm, because no one writes them.
func finnishForms(word string) []string {
	r := []rune(word)
	if len(r) < 3 {
		return nil
	}
	f := &finnishWord{a: "ä"}
	for _, c := range r {
		switch c {
		case 'a', 'o', 'u':
			f.a = "a"
		case 'ä', 'ö', 'y':
			f.a = "ä"
		}
	}
	f.noun(r)
	f.verb(r)
	return f.forms
}

type finnishWord struct {
	a     string // the vowel in endings: a or ä
	forms []string
}

// put adds a stem with each of the endings. If the vowels of the word are ä, ö and y, those in the endings change likewise.
func (f *finnishWord) put(stem string, endings ...string) {
	for _, e := range endings {
		if f.a == "ä" {
			e = strings.NewReplacer("a", "ä", "u", "y", "o", "ö").Replace(e)
		}
		f.forms = append(f.forms, stem+e)
	}
}

func isVowel(c rune) bool { return strings.ContainsRune("aeiouyäöå", c) }

// singular adds the singular cases of a stem that ends with a vowel. Most cases use the weak stem.
func (f *finnishWord) singular(strong, weak string) {
	f.put(weak, "n", "t", "ssa", "sta", "lla", "lta", "lle", "ksi", "tta")
	f.put(strong, "na", "ni", "mme", "nsa")
	last := []rune(strong)
	v := string(last[len(last)-1])
	if len(last) > 1 && last[len(last)-2] == last[len(last)-1] {
		f.forms = append(f.forms, strong+"seen")
	} else {
		f.forms = append(f.forms, strong+v+"n", strong+"h"+v+"n")
	}
}

// plural adds the plural cases of a plural stem that ends with i.
func (f *finnishWord) plural(strong, weak string) {
	f.put(weak, "ssa", "sta", "lla", "lta", "lle", "ksi")
	f.put(strong, "na", "hin", "in", "ta", "den", "tten", "siin")
	base := strings.TrimSuffix(strong, "i")
	if last := []rune(base); len(last) > 0 && isVowel(last[len(last)-1]) {
		f.put(base, "ja", "jen")
	} else {
		f.put(strong, "a", "en")
	}
}

func (f *finnishWord) noun(r []rune) {
	n := len(r)
	last, before := r[n-1], r[n-2]
	switch {
	case !isVowel(last):
		f.consonantNoun(r)
	case last == 'e':
		for _, s := range stronger(r[:n-1]) {
			f.singular(s+"ee", s+"ee")
			f.plural(s+"ei", s+"ei")
		}
		f.put(string(r), "tta")
	case isVowel(before):
		f.singular(string(r), string(r))
		f.put(string(r), "ta", "seen")
		if before == last || last != 'i' {
			f.plural(string(r[:n-1])+"i", string(r[:n-1])+"i")
		}
		if before == 'y' || before == 'u' || before == 'i' { // työ, suo, tie
			f.plural(string(r[:n-2])+string(last)+"i", string(r[:n-2])+string(last)+"i")
		}
	default:
		f.vowelNoun(r)
	}
}

// consonantNoun adds the cases of a word that ends with a consonant.
func (f *finnishWord) consonantNoun(r []rune) {
	n := len(r)
	word, cut := string(r), func(k int) string { return string(r[:n-k]) }
	last, before := r[n-1], r[n-2]
	switch {
	case strings.HasSuffix(word, "nen") && n > 4:
		f.singular(cut(3)+"se", cut(3)+"se")
		f.plural(cut(3)+"si", cut(3)+"si")
		f.put(cut(3)+"s", "ta", "ten")
	case last == 's' && strings.ContainsRune("uyoöi", before):
		f.put(word, "ta", "ten", "tani")
		f.singular(cut(1)+"kse", cut(1)+"kse")
		f.plural(cut(1)+"ksi", cut(1)+"ksi")
		if n > 3 && isVowel(r[n-3]) {
			f.singular(cut(1)+"te", cut(1)+"de")
			f.put(cut(1), "tta")
		}
		if before == 'i' { // kallis
			for _, s := range stronger(r[:n-2]) {
				f.singular(s+"ii", s+"ii")
				f.plural(s+"ii", s+"ii")
			}
		}
	case last == 's' && isVowel(before):
		for _, s := range stronger(r[:n-2]) {
			f.singular(s+string(before)+string(before), s+string(before)+string(before))
			f.plural(s+string(before)+"i", s+string(before)+"i")
		}
		f.put(word, "ta")
	case last == 'n' && before == 'i':
		for _, s := range stronger(r[:n-2]) {
			f.singular(s+"ime", s+"ime")
			f.plural(s+"imi", s+"imi")
		}
		f.put(word, "ta", "ten")
	case last == 'n' && (before == 'o' || before == 'ö') && n > 4 && r[n-3] == 't':
		f.singular(cut(2)+"t"+string(before)+"m"+f.a, cut(2)+"t"+string(before)+"m"+f.a)
		f.put(word, "ta")
	case last == 't' && (before == 'u' || before == 'y'):
		f.singular(cut(1)+"e", cut(1)+"e")
		f.put(word, "ta")
	default:
		f.singular(word+"i", word+"i")
		f.plural(word+"ei", word+"ei")
	}
}

// vowelNoun adds the cases of a word that ends with a consonant and a vowel.
func (f *finnishWord) vowelNoun(r []rune) {
	n := len(r)
	root, last := r[:n-1], r[n-1]
	for _, weak := range weaker(r) {
		w := []rune(weak)
		weakRoot := string(w[:len(w)-1])
		f.singular(string(r), weak)
		f.put(string(r), "a")
		switch last {
		case 'a', 'ä':
			o := "o"
			if f.a == "ä" {
				o = "ö"
			}
			f.plural(string(root)+o+"i", weakRoot+o+"i")
			f.plural(string(root)+"i", weakRoot+"i")
			f.put(string(root)+o+"i", "ta", "den")
		case 'i':
			f.plural(string(root)+"ei", weakRoot+"ei")
			f.singular(string(root)+"e", weakRoot+"e")
			f.put(string(root)+"e", "a")
			f.plural(string(root)+"i", weakRoot+"i")
		default:
			f.plural(string(r)+"i", weak+"i")
		}
	}
	if last == 'i' && strings.ContainsRune("lnr", r[n-2]) { // kieli, pieni, suuri
		f.put(string(root), "ta", "ten")
	}
	if last == 'i' && r[n-2] == 's' && n > 3 { // käsi, vesi
		base := string(r[:n-2])
		f.singular(base+"te", base+"de")
		f.put(base+"t", "ta")
		f.plural(base+"si", base+"si")
	}
}

func (f *finnishWord) verb(r []rune) {
	n := len(r)
	last := r[n-1]
	if last != 'a' && last != 'ä' {
		return
	}
	persons := []string{"n", "t", "mme", "tte", "vat", "nko", "ko", "han"}
	word := string(r)
	switch {
	case isVowel(r[n-2]): // maksaa, peruuttaa
		s := r[:n-1]
		root := string(s[:len(s)-1])
		for _, weak := range weaker(s) {
			weakRoot := string([]rune(weak)[:len([]rune(weak))-1])
			f.put(weak, persons...)
			f.put(weak, "")
			f.put(weakRoot+"i", "n", "t", "mme", "tte")
			f.put(weakRoot+"oi", "n", "t", "mme", "tte")
			f.put(weakRoot+"e", "taan", "ttiin", "ttu", "tty")
		}
		f.put(word, "ko")
		f.put(string(s), "vat", "nut", "neet", "isin", "isi", "isitte", "isiko", "malla", "minen")
		f.put(root+"i", "", "vat", "ko")
		f.put(root+"oi", "", "vat", "ko")
	case n > 4 && r[n-2] == 't' && isVowel(r[n-3]): // tilata
		for _, root := range stronger(r[:n-2]) {
			f.put(root+f.a, persons...)
			f.put(root+"i", "sin", "si", "simme", "sitte")
		}
		f.put(string(r[:n-2]), "sin", "sit", "si", "simme", "sivat", "nnut", "nneet", "taan", "ttiin", "ttu", "ttava")
	case n > 4 && r[n-2] == r[n-3] && strings.ContainsRune("lnr", r[n-2]): // tulla, mennä
		root := string(r[:n-2])
		f.put(root+"e", persons...)
		f.put(root+"i", "n", "t", "", "mme", "sin", "si")
		f.put(root+string(r[n-2]), "ut", "eet")
	case n > 4 && r[n-2] == 'd' && isVowel(r[n-3]): // saada
		root := string(r[:n-2])
		f.put(root, persons...)
		f.put(root, "nut", "neet", "daan", "tiin", "tu", "sin", "si")
		f.put(string(r[:n-3])+"i", "n", "t", "", "mme", "vat", "sin", "si", "simme")
	}
}

// grades are the letters before the last vowel in a strong stem, and in its weak stem.
var grades = [][2]string{
	{"kk", "k"}, {"pp", "p"}, {"tt", "t"}, {"nk", "ng"}, {"mp", "mm"}, {"nt", "nn"}, {"lt", "ll"}, {"rt", "rr"}, {"ht", "hd"},
	{"aik", "aj"}, {"oik", "oj"}, {"t", "d"}, {"p", "v"}, {"k", ""}, {"uk", "uv"}, {"yk", "yv"}, {"rk", "rj"}, {"lk", "lj"},
}

// weaker returns a strong stem, which ends with a consonant and a vowel, and its possible weak stems.
func weaker(stem []rune) []string {
	n := len(stem)
	root, v := string(stem[:n-1]), string(stem[n-1])
	all := []string{string(stem)}
	for _, g := range grades {
		base, ok := strings.CutSuffix(root, g[0])
		if !ok || base == "" && len(g[0]) < 3 {
			continue
		}
		if len(g[0]) == 1 && (strings.HasSuffix(base, g[0]) || strings.HasSuffix(base, "s")) {
			continue // kk, st and sk do not change as k and t do
		}
		all = append(all, base+g[1]+v)
	}
	return slices.Compact(all)
}

// stronger returns a weak root without its last vowel, and its possible strong roots.
func stronger(root []rune) []string {
	word := string(root)
	all := []string{word}
	for _, g := range grades[:13] {
		if base, ok := strings.CutSuffix(word, g[1]); ok && base != "" && !strings.HasSuffix(base, "s") {
			all = append(all, base+g[0])
		}
	}
	return all
}
