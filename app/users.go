package app

import (
	"maps"
	"slices"
	"time"

	"giosgbot/admin"
	"giosgbot/giosg"
)

// users returns what is known of each bot user, for the operator.
func (g *giosgSide) users() []admin.UserState {
	return userStates(g.tokens.All(), g.presence.States(), g.api.Limits())
}

// userStates combines what is known of each bot user.
func userStates(tokens []giosg.Token, presentUntil map[giosg.UserID]time.Time, calls []giosg.Limits) []admin.UserState {
	byID := map[giosg.UserID]admin.UserState{}
	for _, t := range tokens {
		s := byID[t.User]
		s.Org, s.TokenExpires = string(t.Org), t.Expires
		byID[t.User] = s
	}
	for id, until := range presentUntil {
		s := byID[id]
		s.PresentUntil = until
		byID[id] = s
	}
	for _, c := range calls {
		s := byID[c.User]
		s.PausedUntil, s.BreakerOpen, s.CallsInFlight = c.PausedUntil, c.Open, c.InFlight
		byID[c.User] = s
	}
	out := make([]admin.UserState, 0, len(byID))
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		s := byID[id]
		s.User = string(id)
		out = append(out, s)
	}
	return out
}

// callKinds names all outcomes of API calls.
func callKinds() []string {
	var out []string
	for k := giosg.OK; k <= giosg.Refused; k++ {
		out = append(out, k.String())
	}
	return out
}

// callFailed reports whether the outcome of an API call is a failure. A chat that another user took, or one that has ended, is not.
func callFailed(k giosg.Kind) bool {
	return k != giosg.OK && k != giosg.Taken && k != giosg.Gone && k != giosg.Canceled
}
