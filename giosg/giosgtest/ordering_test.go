package giosgtest_test

import (
	"strings"
	"testing"

	"giosgbot/giosg/giosgtest"
)

func TestOrderingOfMessages(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name        string
		ordering    giosgtest.Ordering
		newestFirst bool
		want        map[string]string // by the query; "": 400
	}{
		{"ignored", giosgtest.IgnoreOrdering, false, map[string]string{"": "abcde", "?ordering=created_at": "abcde", "?ordering=-created_at": "abcde", "?ordering=x": "abcde"}},
		{"ignored, newest first", giosgtest.IgnoreOrdering, true, map[string]string{"": "edcba", "?ordering=created_at": "edcba", "?ordering=-created_at": "edcba"}},
		{"obeyed", giosgtest.ObeyOrdering, false, map[string]string{"": "abcde", "?ordering=created_at": "abcde", "?ordering=-created_at": "edcba", "?ordering=x": ""}},
		{"obeyed, newest first", giosgtest.ObeyOrdering, true, map[string]string{"": "edcba", "?ordering=created_at": "abcde", "?ordering=-created_at": "edcba"}},
		{"refused", giosgtest.RefuseOrdering, false, map[string]string{"": "abcde", "?ordering=created_at": "", "?ordering=-created_at": ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, giosgtest.Options{Ordering: tt.ordering, NewestFirst: tt.newestFirst, PageSize: 2})
			chat := w.room.OpenChat()
			for _, text := range strings.Split("abcde", "") {
				w.say(chat, text)
			}
			for query, want := range tt.want {
				path := w.user("/routed_chats/" + chat.ID + "/messages" + query)
				if want == "" {
					w.want(400, "GET", path, nil)
					continue
				}
				messages, pages := w.all(path)
				got := ""
				for _, m := range messages {
					got += m["message"].(string)
				}
				if got != want || pages != 3 {
					t.Errorf("%q: %s on %d pages, want %s", query, got, pages, want)
				}
			}
		})
	}
}
