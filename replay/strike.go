package replay

import (
	"slices"

	"giosgbot/playbook"
)

// Strike removes words that were said from the actions that are left to do. Actions before them that leave no words were done, because
// they come first. ok is false if the words are not the next to be said. outcomes are those of the hand-overs that the words decide.
func Strike(rest []playbook.Action, l Line) (left []playbook.Action, outcomes []bool, ok bool) {
	for i, a := range rest {
		switch a := a.(type) {
		case playbook.Say:
			if l.Unreadable || same(a.Text, l.Text) {
				return rest[i+1:], nil, true
			}
			return nil, nil, false
		case playbook.HandOver:
			if left, _, ok := Strike(a.Found(), l); ok {
				return slices.Concat(left, rest[i+1:]), []bool{true}, true
			}
			if left, more, ok := Strike(a.Nobody, l); ok {
				return slices.Concat(left, rest[i+1:]), append([]bool{false}, more...), true
			}
			return nil, nil, false
		}
	}
	return nil, nil, false
}

func isSay(a playbook.Action) bool {
	_, ok := a.(playbook.Say)
	return ok
}

func isHandOver(a playbook.Action) bool {
	_, ok := a.(playbook.HandOver)
	return ok
}
