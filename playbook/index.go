package playbook

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// An index finds the keywords of all rules in a message in one pass, in time that depends on the message and hardly on how many rules
// there are. A word of a keyword is a class: a small number for all words that it matches. A message's words are looked up to find
// their classes, and keywords are paths through a tree of classes.
type index struct {
	lang   string
	exact  map[string][]int32 // a word → its classes
	stems  map[string][]int32 // a stem → its classes
	starts map[string][]int32 // the beginning of a word → its classes
	typos  map[string][]near  // a word with one letter left out, or whole → classes to compare with
	long   [maxWord + 1]bool  // lengths of starts, in bytes
	next   map[uint64]int32   // node and class → node
	ends   map[int32][]hit    // node → the keywords that end there
	class  map[string]int32   // what a class matches, as one string → class
	nodes  int32
}

// hit is a keyword of a rule.
type hit struct {
	rule    int32
	keyword string
}

// near is a word that others may be a typing error of.
type near struct {
	word  string
	class int32
}

// minTypo is the length of the shortest words in which a wrong letter is forgiven. In shorter ones it makes another word.
const minTypo = 5

func newIndex(lang string) *index {
	return &index{lang: lang, exact: map[string][]int32{}, stems: map[string][]int32{}, starts: map[string][]int32{},
		typos: map[string][]near{}, next: map[uint64]int32{}, ends: map[int32][]hit{}, class: map[string]int32{}}
}

// add puts in a keyword that has passed Load's checks.
func (x *index) add(rule int, k keyword) {
	list, start := keywordWords(k.s)
	node := int32(0)
	for i, w := range list {
		step := uint64(node)<<32 | uint64(x.classOf(w, k.matching, start && i == len(list)-1))
		to, ok := x.next[step]
		if !ok {
			x.nodes++
			to = x.nodes
			x.next[step] = to
		}
		node = to
	}
	x.ends[node] = append(x.ends[node], hit{int32(rule), k.s})
}

// keywordWords splits a keyword; start tells that its last word is only the beginning of one.
func keywordWords(k string) (list []string, start bool) {
	k, start = strings.CutSuffix(k, "*")
	return words(k), start
}

func (x *index) classOf(word string, how matching, start bool) int32 {
	key := strings.Join([]string{word, bit(how.inflections), bit(how.typos), bit(start)}, "\x00")
	if c, ok := x.class[key]; ok {
		return c
	}
	c := int32(len(x.class)) + 1
	x.class[key] = c
	if start {
		x.starts[word] = append(x.starts[word], c)
		x.long[len(word)] = true
		return c
	}
	exact, stems := []string{word}, []string(nil)
	if how.inflections {
		exact, stems = forms(x.lang, word)
	}
	for _, w := range exact {
		x.exact[w] = append(x.exact[w], c)
	}
	for _, w := range stems {
		x.stems[w] = append(x.stems[w], c)
	}
	if how.typos && utf8.RuneCountInString(word) >= minTypo {
		n := near{word, c}
		for _, key := range shorter(word) {
			x.typos[key] = append(x.typos[key], n)
		}
	}
	return c
}

func bit(on bool) string {
	if on {
		return "1"
	}
	return ""
}

// shorter returns a word and all words made by leaving out one of its letters. Two words that differ by one typing error share one.
func shorter(word string) []string {
	all := []string{word}
	for i, r := range word {
		all = append(all, word[:i]+word[i+utf8.RuneLen(r):])
	}
	return all
}

// classes appends the classes of a message's word.
func (x *index) classes(to []int32, w string) []int32 {
	to = append(to, x.exact[w]...)
	if len(x.stems) > 0 {
		to = append(to, x.stems[stem(x.lang, w)]...)
	}
	if len(x.starts) > 0 {
		for n := 1; n <= len(w); n++ {
			if x.long[n] {
				to = append(to, x.starts[w[:n]]...)
			}
		}
	}
	if len(to) == 0 && len(x.typos) > 0 {
		if n := utf8.RuneCountInString(w); n >= minTypo-1 && n <= 40 {
			for _, key := range shorter(w) {
				for _, near := range x.typos[key] {
					if distance(w, near.word, 1) <= 1 {
						to = append(to, near.class)
					}
				}
			}
		}
	}
	slices.Sort(to)
	return slices.Compact(to)
}

// find returns the keywords that are in a message, in the order of their rules.
func (x *index) find(words []string) []hit {
	var found []hit
	var active, later, classes []int32
	for _, w := range words {
		later, classes = later[:0], x.classes(classes[:0], w)
		for _, c := range classes {
			for i := -1; i < len(active); i++ {
				node := int32(0)
				if i >= 0 {
					node = active[i]
				}
				if to, ok := x.next[uint64(node)<<32|uint64(c)]; ok {
					later = append(later, to)
					found = append(found, x.ends[to]...)
				}
			}
		}
		active, later = later, active
	}
	slices.SortFunc(found, func(a, b hit) int {
		if a.rule != b.rule {
			return int(a.rule - b.rule)
		}
		return strings.Compare(a.keyword, b.keyword)
	})
	return slices.Compact(found)
}
