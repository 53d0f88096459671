package app

import (
	"reflect"
	"testing"
	"time"

	"giosgbot/admin"
	"giosgbot/giosg"
)

func TestUserStatesAreCombined(t *testing.T) {
	t.Parallel()
	now := time.Now()
	got := userStates(
		[]giosg.Token{{User: "a", Org: "o", Value: "secret", Expires: now}},
		map[giosg.UserID]time.Time{"a": now.Add(1), "b": now.Add(2)},
		[]giosg.Limits{{User: "c", InFlight: 3, PausedUntil: now.Add(3), Open: true}, {User: "a", InFlight: 1}},
	)
	want := []admin.UserState{
		{User: "a", Org: "o", TokenExpires: now, PresentUntil: now.Add(1), CallsInFlight: 1},
		{User: "b", PresentUntil: now.Add(2)},
		{User: "c", CallsInFlight: 3, PausedUntil: now.Add(3), BreakerOpen: true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestCallKinds(t *testing.T) {
	t.Parallel()
	kinds := callKinds()
	if len(kinds) != 10 || kinds[0] != "ok" {
		t.Errorf("the kinds are %q", kinds)
	}
	failed := map[giosg.Kind]bool{giosg.OK: false, giosg.Taken: false, giosg.Gone: false, giosg.Canceled: false, giosg.Throttled: true, giosg.Unauthorized: true}
	for kind, want := range failed {
		if callFailed(kind) != want {
			t.Errorf("%v is a failure: %t, want %t", kind, !want, want)
		}
	}
}
