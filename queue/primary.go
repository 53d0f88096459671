package queue

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// A standby may lack the last writes of the primary when it takes over. So the new primary may have an item, but not that it was worked
// on: then its lease must say so, whoever leases it and whether or not anybody has noticed the failover. The same holds when a server
// restarts with an old snapshot. This is how:
//
// The key "primary" names the server (its run_id), the number of its reign (epoch) and when that began. Whoever notices that the server is
// another one starts the next epoch there. A lane remembers the epoch of its last lease, so its first lease of a new epoch counts as
// abandoned. In a Cluster each partition has such a key, since each may be on another server. Otherwise one key serves all.
//
// Nobody must hand out leases on a server that is not the one of the key. Asking for the run_id in each script would be slow. Instead the
// text of a fenced script contains what the key has, so that a server does not know the scripts for another one and answers NOSCRIPT. Then
// the script is sent with its text, and compares the run_id itself. If that is another one it starts the next epoch in the same step. From
// then on the key does not have what the scripts of other replicas contain, and they answer "moved".

// primary is a server, with the fenced scripts for it.
type primary struct {
	is                 string // what the key has: run_id, epoch and since (Redis's time, ms)
	epoch              string // 1 is the first
	put, claim, finish *redis.Script
}

// newPrimary returns the server that a key names. The scripts for different keys are different, too: a server that answers NOSCRIPT to one
// must not know it because of another key.
func newPrimary(key, is string) *primary {
	p := &primary{is: is}
	_, rest, _ := strings.Cut(is, " ")
	p.epoch, _, _ = strings.Cut(rest, " ")
	on := func(text string) *redis.Script {
		return redis.NewScript(fmt.Sprintf("-- %q\nlocal primary, epoch = %q, %q\n%s", key, p.is, p.epoch, text))
	}
	p.put, p.claim, p.finish = on(putScript.text), on(claimScript.text), on(finishScript.text)
	return p
}

// unknownServer stands for the run_id of a server that does not tell it, as when INFO is forbidden. Its failovers are not noticed.
const unknownServer = "unknown"

// identity is Lua that compares the server with a key and with the local variable primary, what the client knows. Then was is what the key
// has. It is no function, since to make one costs time in each run.
const identity = `
	local pattern = '^(%S+) (%d+) (%d+)$'
	local info = redis.pcall('INFO', 'server')
	local id = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or 'unknown'
	local was = redis.call('GET', key)
	local wasServer, wasEpoch, wasSince = string.match(was or '', pattern)
	local server, epoch, since = string.match(primary, pattern)
	local latest = math.max(tonumber(wasEpoch) or 1, tonumber(epoch) or 1)
	local lost = wasEpoch and tonumber(wasEpoch) < latest
	if not was or lost or (wasServer ~= id and id ~= 'unknown') then
		local known = wasServer or server or id
		since = wasSince or since or '0'
		if lost or (known ~= id and known ~= 'unknown') then
			latest, since = latest + 1, string.format('%.0f', now())
		end
		was = id .. ' ' .. string.format('%.0f', latest) .. ' ' .. since
		redis.call('SET', key, was)
	end
`

// fencing is Lua that begins a fenced script. With a tenth key it compares the run_id. moved reports whether it must not hand out leases.
const fencing = `
local key = KEYS[10]
if key then
` + identity + `end
local function moved() return redis.call('GET', KEYS[9]) ~= primary end
`

type identifyArgs struct{ primary string }

// KEYS 1 primary.
var identifyScript = newScript[identifyArgs]("local key = KEYS[1]\n" + identity + "return was")

// primaryOf returns the number of the primary that has a lane, which is that of the partition whose key names it.
func (q *Redis) primaryOf(lane string) int {
	if len(q.primaries) == 1 {
		return 0
	}
	return partition(lane)
}

func (q *Redis) primaryKey(n int) string { return q.opts.Keys.part(n, "primary") }

// identify finds out which servers are the primaries. It fails if those in must are not found; nil means all.
func (q *Redis) identify(ctx context.Context, must ...int) error {
	select {
	case q.identifying <- struct{}{}: // one at a time
		defer func() { <-q.identifying }()
	case <-ctx.Done():
		return ctx.Err()
	}
	cmds := make([]*redis.Cmd, len(q.primaries))
	_, broken := q.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for n := range cmds {
			var known string
			if is := q.primaries[n].Load(); is != nil {
				known = is.is
			}
			cmds[n] = identifyScript.eval(ctx, pipe, []string{q.primaryKey(n)}, identifyArgs{known})
		}
		return nil
	})
	var failed error
	for n, cmd := range cmds {
		is, err := cmd.Text()
		if err != nil && cmd.Err() == nil { // it was not sent
			err = broken
		}
		if err != nil {
			if must == nil || slices.Contains(must, n) {
				failed = err
			}
			continue
		}
		was := q.primaries[n].Load()
		if was != nil && was.is == is {
			continue
		}
		next := newPrimary(q.primaryKey(n), is)
		q.primaries[n].Store(next)
		if was != nil && was.epoch != next.epoch {
			signal(q.failedOver)
		}
	}
	return failed
}

// fenced runs a fenced script for a lane. The answer "moved" says that no lease was handed out, since the primary is another one.
func (q *Redis) fenced(ctx context.Context, lane string, pick func(*primary) *redis.Script, args any) ([]any, error) {
	n := q.primaryOf(lane)
	key, script := q.primaryKey(n), pick(q.primaries[n].Load())
	keys, argv := append(q.opts.Keys.all(lane), key), values(nil, reflect.ValueOf(args))
	answer, err := script.EvalSha(ctx, q.client, keys, argv...).Slice()
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		answer, err = script.Eval(ctx, q.client, append(keys, key), argv...).Slice()
	}
	if err == nil && len(answer) > 0 && answer[0] == "moved" {
		signal(q.moved)
	}
	return answer, err
}

// watchPrimary notices a failover, also while there is no work.
func (q *Redis) watchPrimary() {
	for {
		t := time.NewTimer(time.Second)
		select {
		case <-q.stop:
			t.Stop()
			return
		case <-q.moved:
			t.Stop()
			q.identifyAll()
		case <-t.C:
			q.identifyAll()
		case <-q.failedOver:
			t.Stop()
			q.opts.Log.Error("redis has another primary, which may lack the last writes: chats are read before they are answered, and a sweep finds lost events")
			ctx, cancel := context.WithTimeout(context.Background(), q.opts.Lease)
			q.inspect(ctx)
			cancel()
			if q.opts.OnFailover != nil {
				q.opts.OnFailover()
			}
		}
	}
}

func (q *Redis) identifyAll() {
	ctx, cancel := context.WithTimeout(context.Background(), q.opts.Lease/2)
	defer cancel()
	if err := q.identify(ctx); err != nil {
		q.failing("finding the primary", err)
		return
	}
	q.fine("finding the primary")
}

// leasesEnded returns by when all leases of an earlier primary have expired. For known ms a later one has been known to be there.
func (q *Redis) leasesEnded(now time.Time, known int64) time.Time {
	return now.Add(q.opts.Lease - time.Duration(known)*time.Millisecond)
}
