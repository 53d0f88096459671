package giosg

import (
	"errors"
	"fmt"
	"strings"
)

// ChannelKind is the kind of a channel that a bot listens to ("Main use cases"
// in the guide).
type ChannelKind int

const (
	// NoChannel is the kind of the zero Channel.
	NoChannel ChannelKind = iota
	// PendingChats: /api/v5/users/<user>/pending_chats.
	PendingChats
	// RoutedChats: /api/v5/users/<user>/routed_chats.
	RoutedChats
	// ChatMessages: /api/v5/users/<user>/chats/<chat>/messages.
	ChatMessages
	// RoutedChatMessages: /api/v5/users/<user>/routed_chats/<chat>/messages.
	RoutedChatMessages
)

// String returns the kind as a metric's label.
func (k ChannelKind) String() string {
	switch k {
	case PendingChats:
		return "pending_chats"
	case RoutedChats:
		return "routed_chats"
	case ChatMessages:
		return "chats/messages"
	case RoutedChatMessages:
		return "routed_chats/messages"
	}
	return "none"
}

// Channel is a parsed channel name.
type Channel struct {
	Kind ChannelKind
	User UserID // the channel's owner
	Chat ChatID // only for messages
}

// String returns the channel's name as giosg writes it, or "" for the zero
// Channel.
func (c Channel) String() string {
	user := "/api/v5/users/" + string(c.User)
	switch c.Kind {
	case PendingChats:
		return user + "/pending_chats"
	case RoutedChats:
		return user + "/routed_chats"
	case ChatMessages:
		return user + "/chats/" + string(c.Chat) + "/messages"
	case RoutedChatMessages:
		return user + "/routed_chats/" + string(c.Chat) + "/messages"
	}
	return ""
}

var errChannel = errors.New("channel: not one that a bot listens to")

// ParseChannel parses a channel's name. It accepts the four forms shown at
// [ChannelKind], with or without a trailing slash.
func ParseChannel(s string) (Channel, error) {
	rest, ok := strings.CutPrefix(s, "/api/v5/users/")
	if !ok {
		return Channel{}, errChannel
	}
	parts := strings.SplitN(strings.TrimSuffix(rest, "/"), "/", 5)
	var c Channel
	switch {
	case len(parts) == 2 && parts[1] == "pending_chats":
		c.Kind = PendingChats
	case len(parts) == 2 && parts[1] == "routed_chats":
		c.Kind = RoutedChats
	case len(parts) == 4 && parts[1] == "chats" && parts[3] == "messages":
		c.Kind = ChatMessages
	case len(parts) == 4 && parts[1] == "routed_chats" && parts[3] == "messages":
		c.Kind = RoutedChatMessages
	default:
		return Channel{}, errChannel
	}
	if err := CheckID(parts[0]); err != nil {
		return Channel{}, fmt.Errorf("channel: user: %w", err)
	}
	c.User = UserID(parts[0])
	if len(parts) == 4 {
		if err := CheckID(parts[2]); err != nil {
			return Channel{}, fmt.Errorf("channel: chat: %w", err)
		}
		c.Chat = ChatID(parts[2])
	}
	return c, nil
}
