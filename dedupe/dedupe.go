// Package dedupe remembers which messages of a chat were handled: a set of ids for each chat, in Redis or in a bbolt file.
//
// The queue adds an id in the same step that finishes its message, so the set never runs ahead of the facts. Each addition starts the
// chat's time to live anew. A chat that was silent for that long is forgotten.
//
// The package makes no decisions and knows no chat platform. An id is any string.
package dedupe

import "context"

// Set has the handled ids of chats. Its methods are safe for concurrent use.
type Set interface {
	// Seen reports for each id whether it was added to the chat's set.
	Seen(ctx context.Context, chat string, ids ...string) ([]bool, error)
}
