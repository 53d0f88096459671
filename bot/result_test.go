package bot_test

import (
	"slices"
	"testing"

	"giosgbot/bot"
)

func TestResultsThatEndAnEvent(t *testing.T) {
	t.Parallel()
	open := []bot.Result{bot.Later, bot.Waiting, bot.Lost}
	for _, r := range bot.Results() {
		if want := !slices.Contains(open, r); r.Ends() != want {
			t.Errorf("%q ends its event: %t, want %t", r, r.Ends(), want)
		}
	}
}
