package giosg

import "context"

// The names in this file are the former names of what they call. They stay
// until package bot uses the new ones.

// PutOff is [Deferred].
func PutOff(err error) bool { return Deferred(err) }

// Refrained is [NotSent].
func Refrained(err error) bool { return NotSent(err) }

// Patient is [Session.WithRetry].
func (s *Session) Patient(retry func(context.Context, error) bool) *Session {
	return s.WithRetry(retry)
}
