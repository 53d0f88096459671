// Package dedupe remembers which messages of a chat were handled: a set of ids per chat, in Redis or in a bbolt file.
//
// An id is added when its message needs no work any more, in the same step that makes this true, so the set never runs
// ahead of the facts. Each addition starts the chat's time to live anew; a chat that was silent for so long is forgotten.
//
// The package decides nothing: it knows no giosg, and an id is any string.
package dedupe

import "context"

// Set remembers the handled ids of chats. Its methods are safe for concurrent use.
type Set interface {
	// Seen tells for each id whether it was added to the chat's set.
	Seen(ctx context.Context, chat string, ids ...string) ([]bool, error)
	// Add adds ids to the chat's set. Adding twice is adding once.
	Add(ctx context.Context, chat string, ids ...string) error
}
