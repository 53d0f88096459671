//go:build unix

package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// trouble is something that a run does to the bot. Its name is what -only and -without take.
type trouble struct {
	name   string
	basic  bool // part of the short run of every day
	redis  bool // needs Redis
	file   bool // needs the file
	loses  bool // the store or the platform loses events for good, so that only a sweep can find the visitor
	remark string
}

// The names of troubles that the code asks for.
const (
	flushed      = "redis flushed"
	lostData     = "redis lost its data"
	redisKilled  = "redis killed"
	failedOver   = "redis failover"
	failoverEnds = "redis failover ended"
	rudeness     = "random failures"
	dropped      = "webhooks dropped"
	oddAnswer    = "odd answer"
	oddAnswers   = "odd answers"
	clockSkew    = "clock skew"
	newPlaybook  = "playbook changed"
	upgrade      = "upgrade"
	diskFull     = "disk full"
	diskSlow     = "disk slow"
	removed      = "member removed"
	requeued     = "chat requeued"
	rerouted     = "chat rerouted"
	handOvers    = "hand-overs"
	longChats    = "long chats"
	slowTenant   = "slow tenant"
	throttled    = "throttled tenant"
)

// troubles are all that there are.
var troubles = []trouble{
	{name: rudeness, basic: true, remark: "calls fail and webhooks repeat at random all the time"},
	{name: "kill", basic: true},
	{name: "kill all", basic: true},
	{name: "restart", basic: true},
	{name: "freeze", basic: true, redis: true},
	{name: redisKilled, basic: true, redis: true, loses: true},
	{name: "redis frozen", basic: true, redis: true},
	{name: flushed, basic: true, redis: true, loses: true},
	{name: lostData, basic: true, redis: true, loses: true},
	{name: "api cut", basic: true},
	{name: "api requests stalled", basic: true},
	{name: "api answers stalled", basic: true},
	{name: "api answers cut short", basic: true},
	{name: "webhooks cut", basic: true},
	{name: "webhook answers stalled", basic: true},
	{name: "redis cut", basic: true, redis: true},
	{name: "redis commands stalled", basic: true, redis: true},
	{name: "redis answers stalled", basic: true, redis: true},
	{name: "redis answers cut short", basic: true, redis: true},
	{name: "redis slow", basic: true, redis: true},
	{name: "api answers 503", basic: true},
	{name: "api answers 500 after", basic: true},
	{name: "api cuts after", basic: true},
	{name: "api hangs", basic: true},
	{name: "api hangs after", basic: true},
	{name: "api throttles", basic: true},
	{name: "api slow", basic: true},
	{name: "api late", basic: true},
	{name: "tokens revoked", basic: true},
	{name: "tokens short-lived", basic: true},
	{name: dropped, basic: true, loses: true},
	{name: "webhooks repeated", basic: true},
	{name: "webhooks disordered", basic: true},

	{name: oddAnswer, remark: "one call is answered 400, 402, 403, 404, 409 or 422, before or after its effect"},
	{name: oddAnswers, remark: "all calls of one organization are, for seconds"},
	{name: failedOver, redis: true, loses: true, remark: "the master dies and a standby that lags takes its place"},
	{name: diskFull, file: true, remark: "writes to the file fail"},
	{name: diskSlow, file: true, remark: "syncs take seconds; needs strace"},
	{name: clockSkew, remark: "the platform's clock is seconds ahead or behind"},
	{name: newPlaybook, remark: "the playbook's file changes in mid-turn"},
	{name: upgrade, remark: "replicas restart with another version of the bot; needs -old"},
	{name: removed, remark: "the bot's membership ends, and the chat waits again"},
	{name: requeued, remark: "a colleague takes a chat and leaves, and it waits again, with a new or the old waiting_started_at"},
	{name: rerouted, remark: "a colleague joins a chat and leaves, and it is routed again"},
	{name: handOvers, remark: "visitors ask for a team that is online, or for one that is not"},
	{name: longChats, remark: "chats with hundreds of messages"},
	{name: slowTenant, remark: "at the end, one organization's API is slow; the others must not wait"},
	{name: throttled, remark: "at the end, one organization is throttled; the others must not wait"},
}

// Troubles lists the names of all troubles with remarks, one a line.
func Troubles() string {
	var b strings.Builder
	for _, t := range troubles {
		fmt.Fprintf(&b, "  %-24s %s\n", t.name, t.remark)
	}
	return b.String()
}

// Basic lists the troubles of the short run of every day.
func Basic() (names []string) {
	for _, t := range troubles {
		if t.basic {
			names = append(names, t.name)
		}
	}
	return names
}

// choose returns the troubles of a run.
func choose(o Options) (map[string]bool, error) {
	known := map[string]trouble{}
	in := map[string]bool{}
	for _, t := range troubles {
		known[t.name] = t
		in[t.name] = len(o.Only) == 0
	}
	for _, list := range []struct {
		names []string
		to    bool
	}{{o.Only, true}, {o.Without, false}} {
		for _, name := range list.names {
			if _, ok := known[name]; !ok {
				return nil, fmt.Errorf("there is no trouble %q; these are:\n%s", name, Troubles())
			}
			in[name] = list.to
		}
	}
	maps.DeleteFunc(in, func(name string, on bool) bool {
		t := known[name]
		return !on || t.redis && o.File || t.file && !o.File || t.loses && !o.Sweeps || name == upgrade && o.Old == ""
	})
	return in, nil
}

// on reports whether a trouble is part of the run.
func (w *world) on(name string) bool { return w.chosen[name] }

// chosenNames lists the troubles of the run.
func (w *world) chosenNames() []string { return slices.Sorted(maps.Keys(w.chosen)) }
