package giosgtest

import "sort"

// shelf is an ordered collection of chats, for example the pending chats of a user. Adding, removing and reading a page take O(log n) in
// the usual case. Removed places stay empty until half of the places are.
type shelf struct {
	places []place
	at     map[*Chat]int64 // the place's seq
}

type place struct {
	seq  int64
	chat *Chat // nil when removed
}

// add appends a chat; seq must be greater than all before.
func (s *shelf) add(seq int64, c *Chat) {
	if s.at == nil {
		s.at = map[*Chat]int64{}
	}
	if _, on := s.at[c]; on {
		return
	}
	s.at[c] = seq
	s.places = append(s.places, place{seq, c})
}

func (s *shelf) remove(c *Chat) {
	seq, on := s.at[c]
	if !on {
		return
	}
	delete(s.at, c)
	s.places[s.from(seq)].chat = nil
	for n := len(s.places); n > 0 && s.places[n-1].chat == nil; n-- {
		s.places = s.places[:n-1]
	}
	for len(s.places) > 0 && s.places[0].chat == nil {
		s.places = s.places[1:]
	}
	if len(s.places) < 32 || len(s.at)*2 > len(s.places) {
		return
	}
	kept := s.places[:0]
	for _, pl := range s.places {
		if pl.chat != nil {
			kept = append(kept, pl)
		}
	}
	clear(s.places[len(kept):])
	s.places = kept
}

func (s *shelf) has(c *Chat) bool {
	_, on := s.at[c]
	return on
}

// from returns the index of the first place at or after seq.
func (s *shelf) from(seq int64) int {
	return sort.Search(len(s.places), func(i int) bool { return s.places[i].seq >= seq })
}

// walk calls visit for the chats after the cursor (0 means from the start), in the given direction, until it returns false.
func (s *shelf) walk(cursor int64, newestFirst bool, visit func(seq int64, c *Chat) bool) {
	if !newestFirst {
		for _, pl := range s.places[s.from(cursor+1):] {
			if pl.chat != nil && !visit(pl.seq, pl.chat) {
				return
			}
		}
		return
	}
	start := len(s.places)
	if cursor > 0 {
		start = s.from(cursor)
	}
	for i := start - 1; i >= 0; i-- {
		if pl := s.places[i]; pl.chat != nil && !visit(pl.seq, pl.chat) {
			return
		}
	}
}
