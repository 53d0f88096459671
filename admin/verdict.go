package admin

import (
	"fmt"
	"time"
)

// verdict answers the operator's first question: are visitors being answered?
type verdict struct {
	Level    string    `json:"level"` // "ok", "warn" or "bad"
	Title    string    `json:"title"`
	Problems []problem `json:"problems"`
}

// problem is one thing that is not as it should be.
type problem struct {
	Level string `json:"level"` // "warn" or "bad"
	Text  string `json:"text"`  // what is the matter
	Do    string `json:"do"`    // what to do about it
}

const (
	slow    = 15 * time.Second // a visitor who waits longer wonders
	tooSlow = time.Minute      // and one who waits longer is gone

	lossMatters = 10 * time.Minute // for so long it is told that the store was emptied
)

// judge finds what is not as it should be, the worst first.
func judge(s *status, lately minute) verdict {
	v := verdict{Level: "ok", Problems: []problem{}}
	var warnings []problem
	bad := func(text, do string) { v.Problems = append(v.Problems, problem{"bad", text, do}) }
	warn := func(text, do string) { warnings = append(warnings, problem{"warn", text, do}) }

	if !s.Store.Up {
		bad("The store does not answer, so no webhook can be kept.", "Look at the store ("+s.Store.Kind+"). The bot goes on by itself when the store is back, and catching up finds the visitors whose webhooks giosg does not send again.")
	}
	if s.Store.Why != "" {
		bad("The store answers, but keeps nothing: "+s.Store.Why+".", "Look at the store ("+s.Store.Kind+"): memory, disk, standbys. The bot goes on by itself when it keeps again, and catching up finds the visitors whose webhooks giosg does not send again.")
	}
	if lost := s.Store.Lost; lost != nil && s.Now.Sub(*lost) < lossMatters {
		warn("The store lost what was in it "+span(s.Now.Sub(*lost))+" ago.", "Nothing now: visitors who wait are looked for in giosg, and until they are found they are missing here. Then find out why the store was emptied.")
	}
	open, paused := 0, 0
	for _, u := range s.Users {
		if u.Open {
			open++
		}
		if u.Paused != nil {
			paused++
		}
	}
	if open > 0 {
		bad(count(open, "bot user's calls are", "bot users' calls are")+" held back, because giosg's API keeps failing.", "Look at giosg's status page, and at the calls below. The bot tries again by itself.")
	}
	if waits := time.Duration(s.Lanes.Oldest * float64(time.Second)); waits > tooSlow {
		bad("An event has waited for "+span(waits)+".", why(s))
	} else if waits > slow {
		warn("An event has waited for "+span(waits)+".", why(s))
	}
	if paused > 0 {
		warn("giosg asked to be left alone: calls of "+count(paused, "bot user", "bot users")+" wait.", "Nothing, if it passes. If it comes often, lower API_CONCURRENCY.")
	}
	if lately.calls >= 10 && lately.failed*5 > lately.calls {
		warn(fmt.Sprintf("%d of %d calls of giosg's API failed in the last 5 minutes.", lately.failed, lately.calls), "See which below: unauthorized and forbidden are about the app's installation, the others about giosg or the network.")
	}
	if n := s.Dead.Total; n > 0 && s.Store.Up {
		warn(count(n, "event is", "events are")+" set aside.", "Read the reasons below. Put an event back when its cause is gone, or drop it.")
	}
	if s.Playbook.Problem != "" {
		warn("The playbook's file has mistakes; the one before stays in force.", s.Playbook.Problem)
	}
	v.Problems = append(v.Problems, warnings...)
	switch {
	case len(v.Problems) > len(warnings):
		v.Level, v.Title = "bad", "Visitors are not being answered as they should"
	case len(warnings) > 0:
		v.Level, v.Title = "warn", "Visitors are being answered, but something needs a look"
	case s.Webhooks["kept"] == 0 && s.Webhooks["ignored"] == 0 && s.Webhooks["refused"] > 0:
		v.Level, v.Title = "warn", "Every webhook so far was refused"
		v.Problems = append(v.Problems, problem{"warn", "Webhooks come, but none is right.", "The log says why each was refused; mostly the secret in the webhook's URL is not the one in WEBHOOK_SECRET."})
	case s.Webhooks["kept"] == 0 && s.Webhooks["ignored"] == 0 && s.Events.In["webhook"] == 0:
		v.Title = "Ready; no webhook has come yet"
	case s.Lanes.Ready+s.Lanes.Paused == 0:
		v.Title = "Every visitor has been answered"
	default:
		v.Title = "Visitors are being answered"
	}
	return v
}

// why says what the event that has waited longest waits for.
func why(s *status) string {
	if len(s.Waiting.Longest) == 0 {
		return "All workers are busy, or stuck: look at the log and at the lanes below. More replicas or WORKERS help if the bot cannot keep up."
	}
	e := s.Waiting.Longest[0]
	return fmt.Sprintf("Chat %s, after %s: %s.", e.Chat, count(e.Attempts, "attempt", "attempts"), e.Reason)
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", many)
}

// span tells a duration as people do.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.0f h", d.Hours())
	}
	return fmt.Sprintf("%.0f days", d.Hours()/24)
}
