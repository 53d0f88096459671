package chat

// Role says how the bot stands to a chat.
type Role string

const (
	// Unclear: nothing is known, so the record must tell.
	Unclear Role = ""
	// Serving: the bot has joined as an agent or a greeter.
	Serving Role = "serving"
	// Aside: the bot is a member that does not hold the chat, as a sidekick is.
	Aside Role = "aside"
	// Outside: the bot is no member.
	Outside Role = "outside"
	// Left: the bot was serving, and is not any more.
	Left Role = "left"
)

// Entry is what became of an attempt to take a chat.
type Entry int

const (
	// In: the bot has the chat.
	In Entry = iota
	// Taken: another user has it.
	Taken
	// Closed: the chat cannot be taken any more.
	Closed
)

// About is what the playbook wants to know of a chat.
type About struct {
	RoomName string
	Language string // the room's, such as "fi"
}
