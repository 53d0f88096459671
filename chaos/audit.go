//go:build unix

package chaos

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"giosgbot/giosg/giosgtest"
)

// Result is the verdict of a run.
type Result struct {
	Seed    uint64
	For     time.Duration
	Sweeps  bool
	Chosen  []string      // the troubles
	Quiet   bool          // everybody had an answer in time
	Calm    time.Duration // how long that took after the storm
	Chats   int
	Humans  int // chats that humans served
	Written int // by visitors
	Answers int // messages of the bot that were owed

	Lost        int // messages owed and never sent
	Doubled     int // messages sent and not owed
	Reordered   int // answers that came before that to an earlier message, though the bot knew of that one
	TooLate     int // the same, but the bot learned of the earlier message during its work on the later one
	Unknowable  int // the same, but no webhook had told the bot of the earlier message
	FoundAgain  int // messages that were kept, and answered only because a later one made the bot read the chat
	Unaided     int // messages to which a sidekick said nothing, with an excuse
	Silent      int // the same without one
	Excused     map[string]int
	Wrong       []string // answers with wrong attachments, of mixed or old editions, or with a wrong hand-over
	Storms      []string // chats in which the bot made far too many calls
	Starved     []string // organizations that waited because of another
	Slow        []string // webhooks that took longer than the endpoint promises
	Violations  []giosgtest.Violation
	Crashes     []string // processes that ended by themselves, or did not end in time
	DeadLetters int
	Races       int      // data races in the bot
	Untrue      []string // wrong figures of the status page and the metrics

	Polls, Missed int   // of the page and the metrics; those without an answer
	Echoes        int64 // webhooks that were compared with the metrics one by one

	Webhooks, Dropped, Repeated, Refused, GivenUp int
	Calls                                         int
	CallFaults                                    map[string]int
	Events                                        map[string]int // what was done to the bot, by kind
	LongChat                                      string         // the most calls about a chat with hundreds of messages
	Late                                          int            // changes that took effect late
	Starts                                        int            // of replicas

	Waits, Hit []time.Duration // of visitors, sorted; those during which a fault was active
	Tenants    []string        // what the tenants' part measured
	Worst      []string        // files with the stories of chats that went wrong
	Slowest    string          // file with the story of the longest wait
}

// OK reports whether the bot kept its promises.
func (r *Result) OK() bool { return len(r.Findings()) == 0 }

// Findings lists the promises that the bot broke, one a line.
func (r *Result) Findings() (out []string) {
	for _, f := range []struct {
		n    int
		what string
	}{
		{r.Lost, "messages were never answered"},
		{r.Doubled, "messages of the bot were duplicates or wrong"},
		{r.Reordered, "answers came in the wrong order"},
		{r.FoundAgain, "messages were kept, but answered only when a later one came"},
		{r.Silent, "messages got nothing from a sidekick that knew of them"},
		{len(r.Wrong), "answers were wrong in their parts"},
		{len(r.Storms), "chats caused too many API calls"},
		{max(0, r.Calls-callsForAnswer*max(r.Answers, 50)), "API calls more than the answers need"},
		{len(r.Starved), "organizations waited because of another, or beyond reason"},
		{len(r.Slow), "webhooks took too long"},
		{len(r.Violations), "violations of the platform's rules"},
		{len(r.Crashes), "crashes"},
		{r.DeadLetters, "events became dead letters"},
		{r.Races, "data races"},
		{len(r.Untrue), "figures were wrong"},
	} {
		if f.n > 0 {
			out = append(out, fmt.Sprintf("%d %s", f.n, f.what))
		}
	}
	if !r.Quiet {
		out = append(out, "not everybody was answered in time")
	}
	if r.Polls <= r.Missed {
		out = append(out, "no replica ever answered a poll of its figures")
	}
	return out
}

// audit reads everything that happened.
func (w *world) audit(calm time.Duration, quiet bool) *Result {
	r := &Result{Seed: w.Seed, For: w.For, Sweeps: w.Sweeps, Chosen: w.chosenNames(), Quiet: quiet, Calm: calm, Violations: w.p.Violations(),
		Excused: map[string]int{}, CallFaults: map[string]int{}, Events: map[string]int{}, Late: int(w.late.count.Load())}
	w.countWebhooks(r)
	w.countCalls(r)
	w.mu.Lock()
	talks, windows := slices.Clone(w.talks), slices.Clone(w.windows)
	r.Untrue, r.Polls, r.Missed, r.Echoes, r.DeadLetters = w.untrue, w.polls, w.missed, w.echoes, w.dead
	for _, e := range w.events {
		r.Events[e.Kind]++
		if e.Kind == "slow exit" || e.Kind == "redis is not up" {
			r.Crashes = append(r.Crashes, e.What)
		}
	}
	tenants := slices.Clone(w.tenants)
	w.mu.Unlock()
	for _, x := range tenants {
		x.audit(r)
	}
	w.auditSlowHooks(r)
	logs := w.readLogs(r)
	var slowest *talk
	var longest time.Duration
	for _, t := range talks {
		v := w.judge(t, w.lines(t))
		for _, x := range v.waits() {
			if x.long() > longest {
				slowest, longest = t, x.long()
			}
		}
		if w.auditTalk(r, t, &v, windows) {
			r.Worst = append(r.Worst, w.keep(t, v, logs))
		}
	}
	if slowest != nil {
		r.Slowest = w.keep(slowest, w.judge(slowest, w.lines(slowest)), logs)
	}
	slices.Sort(r.Waits)
	slices.Sort(r.Hit)
	return r
}

// auditTalk adds a chat to the result, and reports whether it went wrong.
func (w *world) auditTalk(r *Result, t *talk, v *verdict, windows []wait) (bad bool) {
	lost, silent, found := r.Lost, r.Silent, r.FoundAgain
	r.FoundAgain += w.foundAgain(t, *v)
	w.count(r, t, *v, windows)
	bad = r.Lost > lost || r.Silent > silent || r.FoundAgain > found || len(v.doubled) > 0
	for _, what := range append(v.wrong, w.auditHandOver(t, v)...) {
		r.Wrong = append(r.Wrong, t.chat.ID+": "+what)
		bad = true
	}
	for _, what := range w.stale(v) {
		r.Wrong = append(r.Wrong, t.chat.ID+": "+what)
		bad = true
	}
	for i, s := range v.swapped {
		if i > 0 && s.to.ID == v.swapped[i-1].to.ID {
			continue // another message of the same answer
		}
		v.swapped[i].knew = w.order(t, s, *v)
		switch v.swapped[i].knew {
		case known:
			r.Reordered++
			bad = true
		case tooLate:
			r.TooLate++
		case unknowable:
			r.Unknowable++
		}
	}
	return bad
}

func (w *world) count(r *Result, t *talk, v verdict, windows []wait) {
	r.Chats++
	if t.by.Load() != byBot {
		r.Humans++
	}
	lines := w.lines(t)
	for _, l := range lines {
		if l.Who == "visitor" && (l.Type == "msg" || l.Type == "action") {
			r.Written++
		}
	}
	r.Answers += len(v.paid)
	r.Doubled += len(v.doubled)
	for _, d := range v.lost() {
		if t.by.Load() == byBot {
			r.Lost++
		} else if excuse := w.excuse(t, d.to, lines); excuse != "" {
			r.Unaided++
			r.Excused[excuse]++
		} else {
			r.Silent++
		}
	}
	for _, x := range v.waits() {
		r.Waits = append(r.Waits, x.long())
		if slices.ContainsFunc(windows, func(f wait) bool { return f.from.Before(x.to) && x.from.Before(f.to) }) {
			r.Hit = append(r.Hit, x.long())
		}
	}
}

// excuse returns why a sidekick need not answer a message, or "". No sweep looks for a sidekick's messages, so it must answer those that
// it keeps.
func (w *world) excuse(t *talk, l giosgtest.Line, lines []giosgtest.Line) string {
	kept := w.edge.kept(l.ID)
	in := slices.IndexFunc(lines, func(x giosgtest.Line) bool { return x.Who == "human" && x.Type == "join" })
	switch {
	case kept.IsZero():
		return "no webhook about it was kept"
	case in < 0 || kept.Before(lines[in].At.Add(3*time.Second)) && l.At.Before(lines[in].At):
		return "it was written before the colleague came"
	case w.forgotIn(l.At.Add(-time.Second), l.At.Add(20*time.Second)):
		return "the store lost data"
	case w.happened(l.At.Add(-5*time.Second), l.At.Add(30*time.Second), oddAnswer, oddAnswers):
		return "the API gave odd answers"
	}
	return ""
}

// ownEvent is how long the bot may take to answer a message from its own event. The visitor writes again after 25 s only.
const ownEvent = 22 * time.Second

// foundAgain counts the messages that were kept, and answered late and after the visitor wrote again: what was kept was lost, and the next
// event found it in the record. With sweeps a loss of the store explains that, and odd answers, which are retried with a back-off, always do.
func (w *world) foundAgain(t *talk, v verdict) (n int) {
	if w.Sweeps || t.by.Load() != byBot {
		return 0
	}
	lines := w.lines(t)
	for _, a := range v.paid {
		kept := w.edge.kept(a.to.ID)
		if !a.first || a.to.ID == "" || kept.IsZero() || a.by.At.Sub(kept) < ownEvent || w.happened(a.to.At.Add(-5*time.Second), a.by.At, oddAnswer, oddAnswers, slowTenant, throttled) {
			continue
		}
		if slices.ContainsFunc(lines, func(l giosgtest.Line) bool {
			return l.Who == "visitor" && l.At.After(kept.Add(ownEvent)) && l.At.Before(a.by.At)
		}) {
			n++
		}
	}
	return n
}

// auditHandOver compares the invitations with what the bot said.
func (w *world) auditHandOver(t *talk, v *verdict) (wrong []string) {
	n := len(t.chat.State().Invitations)
	owed := 0
	for _, a := range v.paid {
		if a.team == teamIn && a.text == asked(t.lang) {
			owed++
		}
	}
	pending := slices.ContainsFunc(v.owed, func(d debt) bool { return d.team == teamIn })
	if n != owed && !(pending && n == owed+1) {
		wrong = append(wrong, fmt.Sprintf("a team was invited %d times, want %d", n, owed))
	}
	return wrong
}

// oldest is how long after a change of its file an older edition of the playbook may still answer new messages. A replica may be frozen,
// or down, for some of that time.
const oldest = 10 * time.Second

// stale finds answers of an edition that was replaced long before their messages were written.
func (w *world) stale(v *verdict) (wrong []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range v.paid {
		if a.to.ID == "" {
			continue
		}
		for _, e := range w.editions {
			if a.edition < e.n && a.to.At.After(e.at.Add(oldest)) {
				wrong = append(wrong, fmt.Sprintf("%q of edition %d was sent, but edition %d is %.0f s old", a.by.Text, a.edition, e.n, a.to.At.Sub(e.at).Seconds()))
				break
			}
		}
	}
	return wrong
}

// countWebhooks counts the platform's webhooks.
func (w *world) countWebhooks(r *Result) {
	for _, d := range w.p.Deliveries(nil) {
		if d.Dropped {
			r.Dropped++
			continue
		}
		r.Webhooks++
		if d.GaveUp {
			r.GivenUp++
		}
		if d.Copy > 0 && d.Attempt == 1 {
			r.Repeated++
		}
		if !d.OK() {
			r.Refused++
		}
	}
}

// Limits of the API calls about one chat. The bot needs a handful for each message, and some more when it must find out what a failed
// attempt did; a loop makes thousands.
const (
	callsInSecond  = 40
	callsForLine   = 12
	callsForChat   = 60
	callsForLong   = 60
	pagesOfLong    = 33 // of its messages
	callsForAnswer = 8  // in the whole run
)

// countCalls counts the API calls and finds chats with too many.
func (w *world) countCalls(r *Result) {
	seconds, all, faulty := map[string]map[int64]int{}, map[string]int{}, map[string]int{}
	for _, c := range w.p.Calls(nil) {
		r.Calls++
		if c.Fault != "" {
			r.CallFaults[c.Fault]++
		}
		if c.ChatID == "" {
			continue
		}
		if seconds[c.ChatID] == nil {
			seconds[c.ChatID] = map[int64]int{}
		}
		seconds[c.ChatID][c.At.Unix()]++
		all[c.ChatID]++
		if c.Fault != "" && c.Fault != "delay" || c.Status == 0 || c.Status >= 400 {
			faulty[c.ChatID]++
		}
	}
	w.mu.Lock()
	talks := slices.Clone(w.talks)
	losses := 0
	for _, e := range w.events {
		if slices.Contains([]string{flushed, lostData, redisKilled, failedOver}, e.Kind) {
			losses++
		}
	}
	w.mu.Unlock()
	longest := 0
	for _, t := range talks {
		id, written := t.chat.ID, 0
		for _, l := range t.chat.Lines() {
			if l.Who == "visitor" && l.Type != "join" {
				written++
			}
		}
		most := 0
		for _, n := range seconds[id] {
			most = max(most, n)
		}
		limit := callsForChat + callsForLine*written + 4*min(faulty[id], 20)
		if t.plot == crowded {
			// Without its memory the bot must read the chat as a whole; otherwise its newest page is enough.
			limit = callsForLong + callsForLine/2*written + 4*min(faulty[id], 20) + pagesOfLong*losses
			if all[id] > longest {
				longest = all[id]
				r.LongChat = fmt.Sprintf("%d calls for %d messages (limit %d)", all[id], written, limit)
			}
		}
		if inSecond := callsInSecond; most > inSecond && t.plot != crowded || all[id] > limit {
			r.Storms = append(r.Storms, fmt.Sprintf("%s of %s: %d calls for %d messages (limit %d), %d of them failed, %d in the worst second", id, t.org.Name, all[id], written, limit, faulty[id], most))
		}
	}
}

// auditSlowHooks finds webhooks that were kept long after the endpoint should have refused them, without a fault that explains it.
func (w *world) auditSlowHooks(r *Result) {
	w.edge.mu.Lock()
	defer w.edge.mu.Unlock()
	for id, list := range w.edge.hooks {
		for _, a := range list {
			end := a.answered
			if end.IsZero() {
				end = a.at.Add(2 * time.Second) // the balancer's time limit
			}
			if end.Sub(a.at) < 1900*time.Millisecond || !w.only(a.at, end, diskSlow) {
				continue
			}
			r.Slow = append(r.Slow, fmt.Sprintf("the webhook of message %s took %.1f s, answer %d", id, end.Sub(a.at).Seconds(), a.status))
		}
	}
}

// What the bot knew of the messages that an answer passed over.
const (
	known = iota
	tooLate
	unknowable
	nothing // they were never answered; that counts as lost
)

// order returns what the bot knew when it gave an answer before its turn, by the webhooks and calls between platform and replicas. To read
// every chat before every answer would reveal messages whose webhooks are late, but costs a call each; so the bot reads only when it
// has seen webhooks overtake each other.
func (w *world) order(t *talk, s swap, v verdict) int {
	spoke, ok := w.edge.spoke(s.to.ChatID, s.by.Text, s.by.At)
	if !ok {
		spoke = sending{at: s.by.At}
	}
	// The turn began after the first webhook about its message came. A greeting has none: then nothing is known of the turn's begin.
	var begun time.Time
	for _, l := range append(s.same[:len(s.same):len(s.same)], s.to) {
		if came := w.edge.arrived(l.ID); !came.IsZero() && came.Before(spoke.at) && (begun.IsZero() || came.Before(begun)) {
			begun = came
		}
	}
	// A replica that read the chat after that saw the passed messages, unless it lost the lane and another turn of its spoke.
	read := !begun.IsZero() && t.by.Load() == byBot && w.edge.read(s.to.ChatID, spoke.replica, begun, spoke.at) && !w.disturbed(begun, spoke.at)
	worst := nothing
	for _, l := range s.passed {
		if slices.ContainsFunc(v.owed, func(d debt) bool { return d.to.ID == l.ID }) {
			continue
		}
		kept := w.edge.kept(l.ID)
		if w.forgotIn(l.At.Add(-time.Second), spoke.at) {
			kept = time.Time{}
		}
		switch {
		case l.ID == "" || l.ID == s.to.ID || read || !kept.IsZero() && !begun.IsZero() && kept.Before(begun):
			return known
		case !kept.IsZero() && kept.Before(spoke.at):
			worst = min(worst, tooLate)
		default:
			worst = min(worst, unknowable)
		}
	}
	return worst
}

// disturbed reports whether a replica may have lost lanes in a span of time, so that two turns of it were in progress in one chat.
func (w *world) disturbed(from, to time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.events, func(e event) bool {
		return (e.Kind == "freeze" || strings.HasPrefix(e.Kind, "redis ") || strings.HasPrefix(e.Kind, "disk ")) &&
			e.At.After(from.Add(-5*time.Second)) && e.At.Before(to)
	})
}

// happened reports whether something of a kind began in a span of time.
func (w *world) happened(from, to time.Time, kinds ...string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.events, func(e event) bool { return slices.Contains(kinds, e.Kind) && e.At.After(from) && e.At.Before(to) })
}

// only reports whether, of all faults, nothing but the given kind was active in a span of time, and whether that one was.
func (w *world) only(from, to time.Time, kind string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	active := false
	for _, e := range w.events {
		if e.At.After(to) || e.At.Before(from.Add(-8*time.Second)) {
			continue
		}
		switch {
		case e.Kind == kind:
			active = true
		case e.Kind == newPlaybook || e.Kind == oddAnswer || e.Kind == oddAnswers || strings.HasPrefix(e.Kind, "api ") || strings.HasPrefix(e.Kind, "tokens "):
		default:
			return false
		}
	}
	return active
}

// forgotIn reports whether the store may have lost data in a span of time.
func (w *world) forgotIn(from, to time.Time) bool {
	return w.happened(from, to, flushed, lostData, redisKilled, failedOver, failoverEnds)
}

func contains(text, word string) bool { return strings.Contains(text, word) }
