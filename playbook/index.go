package playbook

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// index finds the keywords of all rules in a message in one pass. The time depends on the length of the message and little on the number
// of rules. Each word of a keyword has a class, which is a number for all the words that it matches. A keyword is a path through a tree
// of classes. To search, the index looks up the classes of the message's words and follows the paths.
type index struct {
	lang   string
	exact  map[string][]int32 // a word → its classes
	stems  map[string][]int32 // a stem → its classes
	starts map[string][]int32 // a prefix → its classes
	typos  map[string][]near  // a word, or a word without one of its letters → words to compare with
	long   [maxWord + 1]bool  // the lengths of the prefixes in starts, in bytes
	next   map[uint64]int32   // node and class → node
	ends   map[int32][]hit    // node → the keywords that end there
	class  map[string]int32   // a description of what a class matches → the class
	nodes  int32
}

// hit is a keyword that was found, and its rule.
type hit struct {
	rule    int32
	keyword string
}

// near is a keyword's word that is compared with misspelt words.
type near struct {
	word  string
	class int32
}

// minTypo is the minimum length of a word that also matches with one letter wrong. In a shorter word, the result is often another word.
const minTypo = 5

func newIndex(lang string) *index {
	return &index{lang: lang, exact: map[string][]int32{}, stems: map[string][]int32{}, starts: map[string][]int32{},
		typos: map[string][]near{}, next: map[uint64]int32{}, ends: map[int32][]hit{}, class: map[string]int32{}}
}

// add adds a keyword, which must be valid.
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

// keywordWords splits a keyword into words. start reports whether the last one is a prefix.
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

// shorter returns a word, and the word without each one of its letters. Two words that differ by one typing error have at least one of
// these in common.
func shorter(word string) []string {
	all := []string{word}
	for i, r := range word {
		all = append(all, word[:i]+word[i+utf8.RuneLen(r):])
	}
	return all
}

// classes appends the classes of a word of a message to to.
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

// find returns the keywords that are in a message, in the order of the rules.
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
