package queue

// Every change of a lane is one script, so a crash falls before or after it and never into it. go-redis may send a script twice, since
// after a timeout it cannot know whether the first one arrived. So each script may run twice with the effect of one run: items are
// removed by name, never popped, and the second answer is as useful as the first. Only what takes wake-ups is different: what the first run
// took is taken over when its lease expires.
//
// All keys of a lane and of its partition carry the partition's hash tag, so a script works on one slot of a Cluster.
//
// The keys are in the same order in every script of a lane:
//
//	KEYS  1 ready (stream: wake-ups)   2 later (zset: lane → due, ms)   3 box (zset: member → item time, ms)
//	      4 bodies (hash: member → body)   5 state (hash, below)   6 seen (set: finished ids)   7 dead (stream)
//	      8 tally (hash: in:FROM and out:FATE → items of the partition's lanes; it does not expire, as what it counts does not)
//
// A member is the item's id, or id|via. The fields of state:
//
//	memo           what the last outcome left
//	act            the one outstanding wake-up of the lane; "later" and "park" while it is paused
//	tries, since   of the unfinished attempts: how many, and when the first began (ms)
//	held           how many leases were handed out since one has ended as it should; it is missing if none has been abandoned
//	pin            what a lease pinned, as SINCE:BYTES. It counts while since is SINCE, so that a program that does not know of pins
//	               clears it, too, when it clears since; * stands for any
//	retry:MEMBER   the item was a dead letter: - or, with what was pinned then, +BYTES
//	epoch          of the primary that has handed out the last lease
//
// Scripts that hand out leases are fenced (primary.go). They have one more key:
//
//	KEYS  9 primary (string: run_id of the primary, its epoch, and since when, ms)
const prelude = `
local ready, later, box, bodies, state, seen, dead, tally = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]

-- the lease is ours while the wake-up is pending for this consumer, delivered as often as when we took it
local function mine(entry, consumer, deliveries)
	local p = redis.pcall('XPENDING', ready, 'g', entry, entry, 1)
	return not p.err and p[1] and p[1][2] == consumer and p[1][4] == tonumber(deliveries)
		and redis.call('HGET', state, 'act') == entry
end

-- A full Redis refuses a script only at its first write. If that is this one, the item is a copy: better not counted than refused.
local function count(field) redis.pcall('HINCRBY', tally, field, 1) end

-- takes an item out of the lane
local function leave(member, fate)
	redis.call('HDEL', bodies, member)
	if redis.call('ZREM', box, member) == 1 then count('out:' .. fate) end
end

local function drop(entry)
	redis.call('XACK', ready, 'g', entry)
	redis.call('XDEL', ready, entry)
end

local function wake(lane)
	redis.call('HSET', state, 'act', redis.call('XADD', ready, '*', 'lane', lane))
end

local function idof(member)
	local bar = string.find(member, '|', 1, true)
	return bar and string.sub(member, 1, bar - 1) or member
end

local function first() return redis.call('ZRANGE', box, 0, 0, 'WITHSCORES') end

-- the pinned bytes in a field pin, if they count
local function pinned(pin, since)
	local colon = pin and string.find(pin, ':', 1, true)
	if not colon then return false end
	local mark = string.sub(pin, 1, colon - 1)
	return (mark == '*' or mark == since) and string.sub(pin, colon + 1)
end

-- ends the attempts of the lane, but not what they pinned
local function endAttempts()
	local was = redis.call('HMGET', state, 'pin', 'since')
	local pin = pinned(was[1], was[2])
	if pin then redis.call('HSET', state, 'pin', '*:' .. pin) end
	redis.call('HDEL', state, 'tries', 'since')
end
`

// leasing hands out leases. It is for fenced scripts.
const leasing = `
-- Reports whether more may have been done for the lane than Redis knows: it had another primary, and no lease since. A lane without a
-- past is in doubt if its first item is from before, or from shortly after, as clocks differ.
local function doubtful(memo, tries, known, at)
	return known or memo or tries or tonumber(at) < string.match(primary, '%d+$') + 10000
end

-- Takes the lane's first item, or gives the lane back when there is none. Settled: nothing that was pinned is needed any more. Fresh: the
-- member and body that were just put, if the lease counts from now anyway.
local function head(entry, at, consumer, settled, fresh, body)
	while true do
		if not at[1] then
			if not settled then endAttempts() end
			redis.call('HDEL', state, 'act', 'tries', 'since', 'held', settled and 'pin' or 'act')
			drop(entry)
			return {'empty'}
		end
		local isFresh = fresh == at[1]
		if not isFresh and redis.call('SISMEMBER', seen, idof(at[1])) == 1 then
			leave(at[1], 'duplicate')
			at = first()
		else
			if not fresh then redis.call('XCLAIM', ready, 'g', consumer, 0, entry, 'JUSTID') end -- the lease counts from here
			local retry = 'retry:' .. at[1]
			local was = redis.call('HMGET', state, 'memo', 'tries', 'since', 'held', 'pin', 'epoch', retry)
			local tries, began = tonumber(was[2]) or 0, was[3] or string.format('%.0f', now())
			local pin, again = pinned(was[5], was[3]), was[7]
			if again then
				pin = pin or string.sub(again, 1, 1) == '+' and string.sub(again, 2)
				redis.call('HDEL', state, retry)
			end
			local crashes = tonumber(was[4]) or 0
			local doubt = epoch ~= '1' and was[6] ~= epoch and doubtful(was[1], was[2], was[6], at[2])
			if again or doubt then tries = math.max(tries, 1) end
			redis.call('HSET', state, 'tries', tries + 1, 'since', began, 'held', crashes + 1, 'epoch', epoch)
			if pin then redis.call('HSET', state, 'pin', began .. ':' .. pin) end
			return {'item', at[1], at[2], isFresh and body or redis.call('HGET', bodies, at[1]) or '', was[1] or '', tries + 1, (was[4] or doubt) and 1 or 0, began, pin,
				doubt and math.max(0, now() - string.match(primary, '%d+$')) or false, crashes}
		end
	end
end
`

// clock is the only one that all replicas share; ms.
const clock = `
local function now()
	local t = redis.call('TIME')
	return t[1] * 1000 + math.floor(t[2] / 1000)
end
`

// wakeUp are the arguments by which a script knows that the lease is ours.
type wakeUp struct {
	entry, consumer string
	deliveries      int64
	ttl             int64 // ms
}

// queueUp is Lua that moves a new member behind those of the same time: the score of a time has room for 1024 of them. Programs that do not
// know that read such scores all the same, without the fraction.
const queueUp = `
	local equal = redis.call('ZREVRANGEBYSCORE', box, '(' .. string.format('%.0f', time + 1), time, 'WITHSCORES', 'LIMIT', 0, 2)
	if equal[3] then
		local last = equal[1] == member and equal[4] or equal[2]
		redis.call('ZADD', box, math.min(last + 1 / 1024, time + 1023 / 1024), member)
	end
`

type putArgs struct {
	member       string
	time         int64 // ms
	body         []byte
	ttl          int64 // ms
	lane, source string
	taker        string // a consumer that has a free worker, or empty
}

// A wake-up that is missing, for whatever reason, is made again. Answers, for the taker, the wake-up that has waited longest and its lane,
// and if that is this lane what head answers.
var putScript = fencedScript[putArgs](`
local known = redis.call('SISMEMBER', seen, idof(member)) == 1
local new = not known and redis.call('ZADD', box, 'NX', time, member) == 1
count('in:' .. source)
if not new then count('out:duplicate') end
if known then return {} end
if new then redis.call('HSET', bodies, member, body) end
local act = redis.call('HGET', state, 'act')
local there = act
if act and new then
` + queueUp + `end
if act == 'later' then
	there = redis.call('ZSCORE', later, lane)
elseif act == 'park' then
	redis.call('ZREM', later, lane)
	there = false
elseif act then
	there = redis.call('XRANGE', ready, act, act)[1]
end
redis.call('PEXPIRE', state, ttl)
if there then return {} end
wake(lane)
if taker ~= '' and moved() then return {'moved'} end
local got = taker ~= '' and redis.pcall('XREADGROUP', 'GROUP', 'g', taker, 'COUNT', 1, 'STREAMS', ready, '>')
if not got or got.err then return {} end
local entry, longest = got[1][2][1][1], got[1][2][1][2][2]
if longest ~= lane then return {entry, longest} end
return {entry, lane, unpack(head(entry, first(), taker, false, member, new and body))}`)

type claimArgs struct{ wakeUp }

var claimScript = fencedScript[claimArgs](`
if moved() then return {'moved'} end
if mine(entry, consumer, deliveries) then
	redis.call('PEXPIRE', state, ttl)
	return head(entry, first(), consumer, false)
end
if redis.call('HGET', state, 'act') ~= entry then drop(entry) end -- not this lane's wake-up: a leftover
return {'lost'}`)

type keepArgs struct {
	wakeUp
	pin []byte
}

var keepScript = laneScript[keepArgs](`
if not mine(entry, consumer, deliveries) then return 0 end
redis.call('HSET', state, 'pin', (redis.call('HGET', state, 'since') or '*') .. ':' .. pin)
redis.call('PEXPIRE', state, ttl)
return 1`)

type finishArgs struct {
	wakeUp
	next         next
	lane, member string
	memo         []byte
	hasMemo      bool
	fate         string
	inherit      inherit
	reason       string // of a dead letter
	attempts     int    // of a dead letter
	finished     []string
}

// next says what follows the end of an item.
type next string

const (
	nextItem  next = "next"  // the lane's next item
	otherLane next = "yield" // other lanes go first
	giveUp    next = "bury"  // the item becomes a dead letter; then the lane's next item
)

// inherit says what the lane's next item inherits of an attempt.
type inherit string

const (
	nothing   inherit = ""
	attempts  inherit = "tries"
	abandoned inherit = "held" // and the attempts
)

var finishScript = fencedScript[finishArgs](`
if not mine(entry, consumer, deliveries) then return {'lost'} end
for _, id in ipairs(finished) do redis.call('SADD', seen, id) end
if finished[1] then redis.call('PEXPIRE', seen, ttl) end
if hasMemo == '1' then redis.call('HSET', state, 'memo', memo) end
local score = next == 'bury' and redis.call('ZSCORE', box, member)
if score then
	local was = redis.call('HMGET', state, 'pin', 'since')
	local pin = pinned(was[1], was[2])
	redis.call('XADD', dead, 'MAXLEN', '~', 1000, '*', 'lane', lane, 'member', member, 'at', score,
		'body', redis.call('HGET', bodies, member) or '', 'reason', reason, 'attempts', attempts, unpack(pin and {'pin', pin} or {}))
	for _, copy in ipairs(redis.call('ZRANGE', box, 0, -1)) do
		if copy ~= member and idof(copy) == idof(member) then leave(copy, 'duplicate') end
	end
end
leave(member, fate)
local at = first()
local settled = inherit == '' and next ~= 'bury'
if at[1] then -- else head does it
	if settled then
		redis.call('HDEL', state, 'tries', 'since', 'pin')
	elseif inherit == '' then
		endAttempts()
	end
	if inherit == 'held' then redis.call('HSET', state, 'held', 0) else redis.call('HDEL', state, 'held') end
end
redis.call('PEXPIRE', state, ttl)
local elsewhere = at[1] and moved()
if at[1] and (elsewhere or next == 'yield') then
	drop(entry)
	wake(lane)
	return {elsewhere and 'moved' or 'empty'}
end
return head(entry, at, consumer, settled)`)

type pauseArgs struct {
	wakeUp
	lane      string
	delay     int64 // ms
	act       string
	untouched bool
	abandoned abandonedAs
}

// abandonedAs says what becomes of the field held of a lane that is given back.
type abandonedAs string

const (
	ended        abandonedAs = ""     // the attempt has ended
	stillInDoubt abandonedAs = "held" // this attempt has ended, but what an abandoned one did is not known
	notHandedOut abandonedAs = "undo" // no worker has seen the lease
	notClaimed   abandonedAs = "same" // there was no lease
)

// KEYS 9 parked (set: lanes that wait for the topic). act: later, park or now.
var pauseScript = laneScript[pauseArgs](`
if not mine(entry, consumer, deliveries) then return {'lost'} end
if abandoned == '' then redis.call('HDEL', state, 'held') end
if abandoned == 'held' then redis.call('HSET', state, 'held', 0) end
if abandoned == 'undo' then redis.call('HINCRBY', state, 'held', -1) end
if untouched == '1' and redis.call('HINCRBY', state, 'tries', -1) <= 0 then endAttempts() end
drop(entry)
if act == 'now' then
	wake(lane)
else
	redis.call('ZADD', later, now() + delay, lane)
	redis.call('HSET', state, 'act', act)
	if act == 'park' then
		redis.call('SADD', KEYS[9], lane)
		redis.call('PEXPIRE', KEYS[9], ttl)
	end
end
redis.call('PEXPIRE', state, ttl)
return {'paused'}`)

type wakeArgs struct {
	why   string
	lanes []string
}

// KEYS 1 ready, 2 later, 3 parked (or any other), then box and state of each lane. why: "topic" ends a pause for a topic, "due" one whose
// time has come. A lane may have been paused anew meanwhile.
var wakeScript = newScript[wakeArgs](`
local function wake(lane, box, state)
	local act = redis.call('HGET', state, 'act')
	local due = redis.call('ZSCORE', KEYS[2], lane)
	if act == 'later' and why == 'topic' then return end
	if due and why == 'due' and tonumber(due) > now() then return end
	redis.call('ZREM', KEYS[2], lane)
	if act and act ~= 'later' and act ~= 'park' then return end
	if redis.call('ZCARD', box) == 0 then
		redis.call('HDEL', state, 'act')
	else
		redis.call('HSET', state, 'act', redis.call('XADD', KEYS[1], '*', 'lane', lane))
	end
end
for i, lane in ipairs(lanes) do
	if why == 'topic' then redis.call('SREM', KEYS[3], lane) end
	wake(lane, KEYS[2 + 2 * i], KEYS[3 + 2 * i])
end
return 0`)

type reviveArgs struct {
	letter       string // the entry in the stream of dead letters
	lane, member string
	time         int64 // ms
	body         []byte
	mark         []byte // for the field retry:MEMBER
	ttl          int64  // ms
}

// The id is no longer finished.
var reviveScript = laneScript[reviveArgs](`
if redis.call('XDEL', dead, letter) == 0 then return 0 end
redis.call('SREM', seen, idof(member))
count('in:retry')
if redis.call('ZADD', box, 'NX', time, member) == 0 then
	count('out:duplicate')
else
` + queueUp + `end
redis.call('HSET', bodies, member, body)
redis.call('HSET', state, 'retry:' .. member, mark)
if not redis.call('HGET', state, 'act') then wake(lane) end
redis.call('PEXPIRE', state, ttl)
return 1`)

type groupArgs struct {
	wait   int64 // ms
	reason string
}

// KEYS 1 ready, 2 lost (when the group was first missed, ms). Makes the group if it is missing, after the wait. A program that starts
// cannot tell a new Redis from one that has just lost its data, so with the reason "start" it waits only if others do. Answers the ms
// that are left. A Redis that loses its data once more has lost this time, too, so the wait begins anew.
var groupScript = newScript[groupArgs](`
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
if not groups.err then
	for _, g in ipairs(groups) do
		if g[2] == 'g' then return 0 end
	end
end
local now = now()
local since = tonumber(redis.call('GET', KEYS[2]) or '')
if not since and reason == 'start' then since = 0 end
if not since or since > now then
	since = now
	redis.call('SET', KEYS[2], string.format('%.0f', now), 'PX', 2 * wait)
end
local left = since + wait - now
if left > 0 then return left end
redis.call('XGROUP', 'CREATE', KEYS[1], 'g', '0', 'MKSTREAM')
redis.call('DEL', KEYS[2])
return 0`)

type touchArgs struct {
	consumer string
	leases   []string // pairs of entry and deliveries
}

// KEYS 1 ready. Renews leases. Answers the entries whose leases have ended.
var touchScript = newScript[touchArgs](`
local lost = {}
for i = 1, #leases, 2 do
	local p = redis.pcall('XPENDING', KEYS[1], 'g', leases[i], leases[i], 1)
	if not p.err and p[1] and p[1][2] == consumer and p[1][4] == tonumber(leases[i + 1]) then
		redis.call('XCLAIM', KEYS[1], 'g', consumer, 0, leases[i], 'JUSTID')
	else
		table.insert(lost, leases[i])
	end
end
return lost`)

type readArgs struct {
	consumer    string
	most, start int
}

// KEYS ready of some partitions. Reads new wake-ups, beginning with the stream at start. Answers entry and lane of each.
var readScript = newScript[readArgs](`
local found, left = {}, tonumber(most)
for i = 0, #KEYS - 1 do
	if left == 0 then break end
	local got = redis.pcall('XREADGROUP', 'GROUP', 'g', consumer, 'COUNT', left, 'STREAMS', KEYS[(start + i) % #KEYS + 1], '>')
	if got and got.err then
		if found[1] then break end
		return got
	end
	for _, e in ipairs(got and got[1][2] or {}) do
		table.insert(found, e[1])
		table.insert(found, e[2][2])
		left = left - 1
	end
end
return found`)

type takeoverArgs struct {
	consumer string
	idle     int64 // ms
	most     int
}

// KEYS 1 ready. Takes over wake-ups whose owner has not renewed them. Answers entry, lane and delivery count of each.
var takeoverScript = newScript[takeoverArgs](`
local found = {}
local expired = redis.pcall('XPENDING', KEYS[1], 'g', 'IDLE', idle, '-', '+', most)
for _, p in ipairs(expired.err and {} or expired) do
	local e = redis.call('XCLAIM', KEYS[1], 'g', consumer, idle, p[1])[1]
	if e then
		table.insert(found, e[1])
		table.insert(found, e[2][2])
		table.insert(found, p[4] + 1)
	else
		redis.call('XACK', KEYS[1], 'g', p[1]) -- the entry is gone
	end
end
return found`)

type removeArgs struct {
	consumer string // ours
	idle     int64  // ms
}

// KEYS 1 ready. Removes consumers that have been idle for long and have nothing pending.
var removeScript = newScript[removeArgs](`
local consumers = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], 'g')
for _, c in ipairs(consumers.err and {} or consumers) do
	local about = {}
	for i = 1, #c, 2 do about[c[i]] = c[i + 1] end
	if about.name ~= consumer and about.pending == 0 and about.idle > tonumber(idle) then
		redis.call('XGROUP', 'DELCONSUMER', KEYS[1], 'g', about.name)
	end
end
return 0`)

type dueArgs struct{ most int }

// KEYS 1 later. Answers the ms until the next lane is due (-1: none), then the lanes that are due.
var dueScript = newScript[dueArgs](`
local now = now()
local out = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, most)
local next = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
table.insert(out, 1, next[2] and math.floor(next[2] - now) or -1)
return out`)
