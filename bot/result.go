package bot

// Result says what became of a turn.
type Result string

const (
	// Answered: the bot said something.
	Answered Result = "answered"
	// Silent: there was nothing to say.
	Silent Result = "silent"
	// Ignored: the event is of no interest to this bot.
	Ignored Result = "ignored"
	// Taken: another user has the chat.
	Taken Result = "taken"
	// Over: the chat has ended, or is no longer the bot's.
	Over Result = "over"
	// SetAside: the event was given up. It is a dead letter.
	SetAside Result = "set aside"
	// Later: the event will be tried again.
	Later Result = "later"
	// Waiting: the lane is parked until something comes, such as a token.
	Waiting Result = "waiting"
	// Lost: another worker has the lane.
	Lost Result = "lost"
)

// Results lists all results; those that end an event come first.
func Results() []Result {
	return []Result{Answered, Silent, Ignored, Taken, Over, SetAside, Later, Waiting, Lost}
}

// Ends reports whether the event needs no further turn.
func (r Result) Ends() bool { return r != "" && r != Later && r != Waiting && r != Lost }
