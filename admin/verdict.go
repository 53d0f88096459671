package admin

import (
	"fmt"
	"slices"
	"time"
)

// verdict answers the operator's first question: are visitors being answered?
type verdict struct {
	Level    string    `json:"level"` // "ok", "warn" or "bad"
	Title    string    `json:"title"`
	Problems []problem `json:"problems"`
}

// problem is one thing that is wrong.
type problem struct {
	Level string `json:"level"` // "warn" or "bad"
	Text  string `json:"text"`  // what is wrong
	Do    string `json:"do"`    // what the operator can do
}

const (
	slow    = 15 * time.Second // a visitor who waits longer starts to wonder
	tooSlow = time.Minute      // a visitor who waits longer has probably left

	lossShown = 10 * time.Minute // how long the page shows that the store has lost its data
)

// judge finds what is wrong, the worst first.
func judge(s *status, lately minute) verdict {
	bad, warnings := []problem{}, []problem{}
	for _, p := range slices.Concat(storeProblems(s), userProblems(s), waitProblems(s), callProblems(lately), otherProblems(s)) {
		if p.Level == "bad" {
			bad = append(bad, p)
		} else {
			warnings = append(warnings, p)
		}
	}
	v := verdict{Level: "ok", Problems: append(bad, warnings...)}
	none := s.Webhooks["kept"] == 0 && s.Webhooks["ignored"] == 0
	switch {
	case len(bad) > 0:
		v.Level, v.Title = "bad", "Visitors are not answered as they should be"
	case len(warnings) > 0:
		v.Level, v.Title = "warn", "Visitors are answered, but there are problems"
	case none && s.Webhooks["refused"] > 0:
		v.Level, v.Title = "warn", "All webhooks so far were refused"
		v.Problems = append(v.Problems, problem{"warn", "Webhooks arrive, but none is valid.", "The log has the reason for each. Most often the secret in the webhook's URL differs from WEBHOOK_SECRET."})
	case none && s.Events.In["webhook"] == 0:
		v.Title = "Ready; no webhook has arrived yet"
	case s.Lanes.Ready+s.Lanes.Paused == 0:
		v.Title = "All visitors have been answered"
	default:
		v.Title = "Visitors are being answered"
	}
	return v
}

func storeProblems(s *status) (out []problem) {
	const then = " The bot continues by itself when the store works again. It then sweeps for visitors whose webhooks giosg does not repeat."
	if !s.Store.Up {
		out = append(out, problem{"bad", "The store does not answer, so webhooks cannot be stored.", "Check the store (" + s.Store.Kind + ")." + then})
	}
	if s.Store.Why != "" {
		out = append(out, problem{"bad", "The store answers, but cannot be written to: " + s.Store.Why + ".", "Check the store (" + s.Store.Kind + "): its memory, disk and standbys." + then})
	}
	if w := s.Store.Warning; w != "" {
		out = append(out, problem{"warn", "The store can lose events.", w + "."})
	}
	if lost := s.Store.Lost; lost != nil && s.Now.Sub(*lost) < lossShown {
		out = append(out, problem{"warn", "The store lost its data " + span(s.Now.Sub(*lost)) + " ago.", "The bot is sweeping for waiting visitors now. This page does not show them until they are found. Find out why the store lost its data."})
	}
	return out
}

func userProblems(s *status) (out []problem) {
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
		out = append(out, problem{"bad", "The circuit breaker of " + count(open, "bot user", "bot users") + " is open, because giosg's API keeps failing.", "Check giosg's status page and the calls below. The bot tries again by itself."})
	}
	if paused > 0 {
		out = append(out, problem{"warn", "giosg throttles the calls of " + count(paused, "bot user", "bot users") + ".", "Nothing, if this passes. If it happens often, lower API_CONCURRENCY."})
	}
	return out
}

func waitProblems(s *status) []problem {
	waits := time.Duration(s.Lanes.Oldest * float64(time.Second))
	p := problem{"warn", "An event has waited for " + span(waits) + ".", ""}
	switch {
	case waits <= slow:
		return nil
	case waits > tooSlow:
		p.Level = "bad"
	}
	p.Do = why(s)
	return []problem{p}
}

func callProblems(lately minute) []problem {
	if lately.calls < 10 || lately.failed*5 <= lately.calls {
		return nil
	}
	return []problem{{
		"warn", fmt.Sprintf("%d of %d calls of giosg's API failed in the last 5 minutes.", lately.failed, lately.calls),
		"The table of calls below shows which. Unauthorized and forbidden point to the app's installation, other failures to giosg or the network.",
	}}
}

func otherProblems(s *status) (out []problem) {
	if n := s.Dead.Total; n > 0 && s.Store.Up {
		out = append(out, problem{"warn", "There " + verb(n) + " " + count(n, "dead letter", "dead letters") + ".", "Read the reasons below. Retry an event when its cause is gone, or drop it."})
	}
	if s.Playbook.Problem != "" {
		out = append(out, problem{"warn", "The playbook's file has errors, so the previous playbook stays active.", s.Playbook.Problem})
	}
	return out
}

// why returns why the oldest unfinished event is not finished.
func why(s *status) string {
	if len(s.Waiting.Longest) == 0 {
		return "All workers are busy or stuck. Check the log. If the bot cannot keep up, run more replicas or raise WORKERS."
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

func verb(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// span formats a duration in one rounded unit.
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
