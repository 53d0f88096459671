package chat_test

import (
	"testing"

	"giosgbot/chat"
)

func TestLaneParts(t *testing.T) {
	t.Parallel()
	for _, e := range []chat.Event{
		{User: "user-1", Chat: "chat-1"},
		{User: "user-1", Chat: "a/b"},
		{User: "user-1"},
		{},
	} {
		if user, c := chat.LaneParts(e.Lane()); user != e.User || c != e.Chat {
			t.Errorf("LaneParts(%q) = %q, %q", e.Lane(), user, c)
		}
	}
	if user, c := chat.LaneParts("no lane"); user != "no lane" || c != "" {
		t.Errorf("a name without a chat gives %q, %q", user, c)
	}
}
