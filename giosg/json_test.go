package giosg

import (
	"encoding/json"
	"reflect"
	"testing"

	fast "github.com/segmentio/encoding/json"
)

// The fast decoder's result is the same as that of encoding/json.
func FuzzDecodersAgree(f *testing.F) {
	for _, s := range []string{
		`{"id":"a","ID":"b","id":"c","message":"\u00e4\ud83d\ude00\ud83d \xff","created_at":"2026-01-02T03:04:05.678Z","is_encrypted":null}`,
		`{"attachments":[{"id":"x","actions":[{"text":"t","is_disabled_on_selection":true}]}],"sender_avatar":{},"response_to_action":{"id":"a"}} `,
		`{"next":"/api/v5/x","results":[{"id":"a","member_count":3,"is_waiting":true}],"count":1e2}`,
		`{"channel":"/api","action":"added","resource":{"a":[1,2.5e-3,"\"",{}]},"app_user_auth":{"expires_in":"300","user_id":"u"}}`,
		"{\"message\":\"\xff\xc3\"}", `{"a":1}{`, `[]`, `null`, ` "x"`, `{"id":1}`, `{"member_count":01}`, `{"message":"` + "\t" + `"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if checkDepth(b) != nil {
			return
		}
		for _, v := range []func() any{
			func() any { return new(Message) }, func() any { return new(Chat) }, func() any { return new(Membership) },
			func() any { return new(UserClient) }, func() any { return new(User) }, func() any { return new(Room) },
			func() any { return new([]Team) }, func() any { return new(envelope) }, func() any { return new(page[Chat]) },
		} {
			got, want := v(), v()
			if fast.Unmarshal(b, got) != nil {
				continue
			}
			if err := json.Unmarshal(b, want); err != nil {
				t.Errorf("%q as %T: taken, but %v", b, want, err)
			} else if !reflect.DeepEqual(got, want) {
				t.Errorf("%q: %+v, want %+v", b, got, want)
			}
		}
	})
}
