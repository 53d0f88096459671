package bot

import (
	"encoding/json"

	"giosgbot/playbook"
	"giosgbot/replay"
)

// pins are plans that must not be made a second time, by the id of the line that they answer; "" is the greeting. A plan of several
// actions is pinned before the first, and the outcome of a hand-over before anything depends on it. So a later attempt, also one with
// another playbook, goes on with the same plan.
type pins map[string]playbook.Plan

// readPins reads what [queue.Lease.Keep] has stored. Pins that cannot be read count as none.
func readPins(b []byte) pins {
	var p pins
	if len(b) == 0 || json.Unmarshal(b, &p) != nil {
		return nil
	}
	return p
}

// plan returns the pinned plan of a reply, or makes one.
func (p pins) plan(r *replay.Reply, s playbook.State, next replay.Decider) playbook.Plan {
	if pinned, ok := p[r.Line.ID]; ok {
		return pinned
	}
	return next(s, r.In)
}
