package bot

// Result is what became of a turn.
type Result string

// The results of a turn. Metrics, logs and the status page show them, so their values stay as they are.
const (
	Answered Result = "answered"  // the bot did what the playbook wants, and said something at least once
	Silent   Result = "silent"    // the playbook wants nothing to be said
	Ignored  Result = "ignored"   // the event is not one to act on
	Taken    Result = "taken"     // somebody else has the chat
	Over     Result = "over"      // the chat has ended
	SetAside Result = "set aside" // the event became a dead letter
	Later    Result = "later"     // the turn failed, and the event is tried again
	Waiting  Result = "waiting"   // the event waits for a valid token
	Lost     Result = "lost"      // another worker took over the lane during the turn
)

// Results returns all results.
func Results() []Result {
	return []Result{Answered, Silent, Ignored, Taken, Over, SetAside, Later, Waiting, Lost}
}

// Ends reports whether a turn with this result finishes its event. After the other results the event stays in its lane.
func (r Result) Ends() bool {
	switch r {
	case Answered, Silent, Ignored, Taken, Over, SetAside:
		return true
	}
	return false
}
