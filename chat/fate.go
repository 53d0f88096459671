package chat

import (
	"context"
	"errors"
	"strconv"
	"time"
)

// Fate says what a failed call means to the turn that made it.
type Fate int

const (
	// Fine is the fate of no error.
	Fine Fate = iota
	// Later: the same call may work later.
	Later
	// Unknown: a change was sent, and nobody knows whether it took effect. The record must be read before it is repeated.
	Unknown
	// Over: the chat is over, or it is not one that the bot may see.
	Over
	// Refused: the platform refuses this call. The chat may be over.
	Refused
	// Hopeless: no further attempt can help.
	Hopeless
)

var fateNames = [...]string{"fine", "later", "unknown", "over", "refused", "hopeless"}

// String returns the fate in one lower-case word.
func (f Fate) String() string {
	if f < 0 || int(f) >= len(fateNames) {
		return "fate(" + strconv.Itoa(int(f)) + ")"
	}
	return fateNames[f]
}

// Error is a platform's failed call, in the terms by which a turn decides.
type Error struct {
	Fate     Fate
	Delay    time.Duration // the platform wants the call no sooner than this; 0 if it does not say
	NoEffect bool          // the platform surely did nothing
	Deferred bool          // the platform wants the call later, and did nothing: it may be repeated in the same turn
	Unsent   bool          // Deferred, and the call was not even made
	Err      error
}

// Error returns the text of the cause.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Failure returns the [Error] in err's chain. An error that comes from elsewhere, such as the store, is one that may work later.
func Failure(err error) *Error {
	if err == nil {
		return &Error{}
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	canceled := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	return &Error{Fate: Later, NoEffect: canceled, Err: err}
}

// FateOf returns the fate of an error; see [Failure].
func FateOf(err error) Fate { return Failure(err).Fate }

// Denied reports whether the platform would give the same answer to the same call again.
func Denied(err error) bool {
	f := FateOf(err)
	return f == Over || f == Refused
}

// Hopelessly marks an error as one that no further attempt can mend.
func Hopelessly(err error) error { return &Error{Fate: Hopeless, NoEffect: true, Err: err} }

// Wait is the error of a turn that cannot go on before something comes that others bring. Its lane is parked on a topic.
type Wait struct {
	Topic  string
	Reason string                     // what is missing
	Hint   string                     // what to check if it never comes
	Came   func(context.Context) bool // reports whether it has come meanwhile
}

// Error returns the reason.
func (w *Wait) Error() string { return w.Reason }
