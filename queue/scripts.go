package queue

import "github.com/redis/go-redis/v9"

// Every change of a lane is one script, so that a crash falls before or after it and never into it. go-redis may send a
// script twice (after a timeout it cannot know better), so each may run twice with the effect of once: items are removed by
// name, never popped, and what a script answers the second time is as good as the first answer.
//
// All keys of a lane and of its partition carry the partition's hash tag, so a script works on one slot of a Cluster.
//
// The same order of keys in every script:
//
//	KEYS  1 ready (stream: wake-ups)   2 later (zset: lane → due, ms)   3 box (zset: member → item time, ms)
//	      4 bodies (hash: member → body)   5 state (hash, below)   6 seen (set: finished ids)   7 dead (stream)
//	      8 tally (hash: in:FROM and out:FATE → items of the partition's lanes; it has no end, as what it counts has none)
//
// state: memo; act: the one outstanding wake-up of the lane ("later" and "park" when it waits); tries, since, held: of the
// unfinished attempt. member: the item's id, or id|via.
const prelude = `
local ready, later, box, bodies, state, seen, dead, tally = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]

-- the lease is ours as long as the wake-up is pending for this consumer, delivered as often as when we took it
local function mine(entry, consumer, count)
	local p = redis.pcall('XPENDING', ready, 'g', entry, entry, 1)
	return not p.err and p[1] and p[1][2] == consumer and p[1][4] == tonumber(count)
		and redis.call('HGET', state, 'act') == entry
end

-- a full Redis refuses only what a script writes first: then it is a copy that is not counted at all, rather than refused
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

-- takes the lane's first item, or gives the lane back when there is none
local function head(entry, at, consumer, fresh)
	while true do
		if not at[1] then
			redis.call('HDEL', state, 'act', 'tries', 'since', 'held')
			drop(entry)
			return {'empty'}
		end
		if redis.call('SISMEMBER', seen, idof(at[1])) == 1 then
			leave(at[1], 'duplicate')
			at = first()
		else
			if not fresh then redis.call('XCLAIM', ready, 'g', consumer, 0, entry, 'JUSTID') end -- the lease counts from here
			local was = redis.call('HMGET', state, 'memo', 'tries', 'since', 'held')
			local tries, since = (tonumber(was[2]) or 0) + 1, was[3] or now()
			redis.call('HSET', state, 'tries', tries, 'since', since, 'held', 1)
			return {'item', at[1], at[2], redis.call('HGET', bodies, at[1]) or '', was[1] or '', tries, was[4] and 1 or 0, tostring(since)}
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

func script(body string) *redis.Script { return redis.NewScript(clock + prelude + body) }

var (
	// ARGV 1 member, 2 item time, 3 body, 4 ttl ms, 5 lane, 6 from, 7 a consumer that has a free worker, or nothing. A wake-up that is
	// missing, whatever lost it, is made again. Answers, for the consumer, the wake-up that waits longest and its lane, and if that is
	// this lane what head answers.
	putScript = script(`
local known = redis.call('SISMEMBER', seen, idof(ARGV[1])) == 1
local new = not known and redis.call('ZADD', box, 'NX', ARGV[2], ARGV[1]) == 1
count('in:' .. ARGV[6])
if not new then count('out:duplicate') end
if known then return {} end
if new then redis.call('HSET', bodies, ARGV[1], ARGV[3]) end
local act = redis.call('HGET', state, 'act')
local there = act
if act == 'later' then
	there = redis.call('ZSCORE', later, ARGV[5])
elseif act == 'park' then
	redis.call('ZREM', later, ARGV[5])
	there = false
elseif act then
	there = redis.call('XRANGE', ready, act, act)[1]
end
redis.call('PEXPIRE', state, ARGV[4])
if there then return {} end
wake(ARGV[5])
local got = ARGV[7] ~= '' and redis.pcall('XREADGROUP', 'GROUP', 'g', ARGV[7], 'COUNT', 1, 'STREAMS', ready, '>')
if not got or got.err then return {} end
local entry, lane = got[1][2][1][1], got[1][2][1][2][2]
if lane ~= ARGV[5] then return {entry, lane} end
return {entry, lane, unpack(head(entry, first(), ARGV[7], true))}`)

	// ARGV 1 entry, 2 consumer, 3 count, 4 ttl ms.
	claimScript = script(`
if mine(ARGV[1], ARGV[2], ARGV[3]) then
	redis.call('PEXPIRE', state, ARGV[4])
	return head(ARGV[1], first(), ARGV[2])
end
if redis.call('HGET', state, 'act') ~= ARGV[1] then drop(ARGV[1]) end -- not this lane's wake-up: a leftover
return {'lost'}`)

	// ARGV 1 entry, 2 consumer, 3 count, 4 ttl ms, 5 step, 6 lane, 7 member, 8 memo, 9 has memo, 10 reason, 11 attempts,
	// 12 what stays of the attempt for the next item: nothing, "tries", or "held" (that it was cut off, too), 13 fate, 14.. ids.
	// Steps: next goes on to the lane's next item; yield lets other lanes go first; bury is next with the item set aside.
	finishScript = script(`
if not mine(ARGV[1], ARGV[2], ARGV[3]) then return {'lost'} end
local step, lane, member = ARGV[5], ARGV[6], ARGV[7]
for i = 14, #ARGV do redis.call('SADD', seen, ARGV[i]) end
if #ARGV >= 14 then redis.call('PEXPIRE', seen, ARGV[4]) end
if ARGV[9] == '1' then redis.call('HSET', state, 'memo', ARGV[8]) end
local score = step == 'bury' and redis.call('ZSCORE', box, member)
if score then
	redis.call('XADD', dead, 'MAXLEN', '~', 1000, '*', 'lane', lane, 'member', member, 'at', score,
		'body', redis.call('HGET', bodies, member) or '', 'reason', ARGV[10], 'attempts', ARGV[11])
end
leave(member, ARGV[13])
local at = first()
local more = at[1]
if more and ARGV[12] == '' then redis.call('HDEL', state, 'tries', 'since') end -- else head does
if more and ARGV[12] ~= 'held' then redis.call('HDEL', state, 'held') end
redis.call('PEXPIRE', state, ARGV[4])
if step == 'yield' and more then
	drop(ARGV[1])
	wake(lane)
	return {'empty'}
end
return head(ARGV[1], at, ARGV[2])`)

	// KEYS 9 parked (set: lanes that wait for the topic). ARGV 1 entry, 2 consumer, 3 count, 4 ttl ms, 5 lane, 6 delay ms,
	// 7 act (later, park or now), 8 untouched, 9 cut off.
	pauseScript = script(`
if not mine(ARGV[1], ARGV[2], ARGV[3]) then return {'lost'} end
if ARGV[9] ~= '1' then redis.call('HDEL', state, 'held') end
if ARGV[8] == '1' and redis.call('HINCRBY', state, 'tries', -1) <= 0 then redis.call('HDEL', state, 'tries', 'since') end
drop(ARGV[1])
if ARGV[7] == 'now' then
	wake(ARGV[5])
else
	redis.call('ZADD', later, now() + ARGV[6], ARGV[5])
	redis.call('HSET', state, 'act', ARGV[7])
	if ARGV[7] == 'park' then
		redis.call('SADD', KEYS[9], ARGV[5])
		redis.call('PEXPIRE', KEYS[9], ARGV[4])
	end
end
redis.call('PEXPIRE', state, ARGV[4])
return {'paused'}`)

	// ARGV 1 lane, 2 why: "topic" ends the waiting for one, "due" a waiting whose time has come; there may be another by now.
	wakeScript = script(`
local act = redis.call('HGET', state, 'act')
local due = redis.call('ZSCORE', later, ARGV[1])
if act == 'later' and ARGV[2] == 'topic' then return 0 end
if due and ARGV[2] == 'due' and tonumber(due) > now() then return 0 end
redis.call('ZREM', later, ARGV[1])
if act and act ~= 'later' and act ~= 'park' then return 0 end
if redis.call('ZCARD', box) == 0 then
	redis.call('HDEL', state, 'act')
	return 0
end
wake(ARGV[1])
return 1`)

	// ARGV 1 entry id of the dead, 2 lane, 3 member, 4 item time, 5 body, 6 ttl ms. The id is no longer finished.
	reviveScript = script(`
if redis.call('XDEL', dead, ARGV[1]) == 0 then return 0 end
redis.call('SREM', seen, idof(ARGV[3]))
count('in:retry')
if redis.call('ZADD', box, ARGV[4], ARGV[3]) == 0 then count('out:duplicate') end
redis.call('HSET', bodies, ARGV[3], ARGV[5])
if not redis.call('HGET', state, 'act') then wake(ARGV[2]) end
redis.call('PEXPIRE', state, ARGV[6])
return 1`)

	// KEYS 1 ready, 2 lost (when the group was first missed, ms); ARGV 1 how long to rest then, ms, 2 start or loss. Makes the group if
	// it is missing, after the rest. Who starts cannot tell a new Redis from one that was just wiped, so it rests only if others do.
	// Answers the ms that are left. A Redis that is wiped once more has lost the time too, so the rest begins anew.
	groupScript = redis.NewScript(clock + `
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
if not groups.err then
	for _, g in ipairs(groups) do
		if g[2] == 'g' then return 0 end
	end
end
local now = now()
local since = tonumber(redis.call('GET', KEYS[2]) or '')
if not since and ARGV[2] == 'start' then since = 0 end
if not since or since > now then
	since = now
	redis.call('SET', KEYS[2], string.format('%.0f', now), 'PX', 2 * ARGV[1])
end
local left = since + ARGV[1] - now
if left > 0 then return left end
redis.call('XGROUP', 'CREATE', KEYS[1], 'g', '0', 'MKSTREAM')
redis.call('DEL', KEYS[2])
return 0`)

	// KEYS 1 ready; ARGV 1 consumer, then pairs of entry and count. Renews leases; answers the entries that are lost.
	touchScript = redis.NewScript(`
local lost = {}
for i = 2, #ARGV, 2 do
	local p = redis.pcall('XPENDING', KEYS[1], 'g', ARGV[i], ARGV[i], 1)
	if not p.err and p[1] and p[1][2] == ARGV[1] and p[1][4] == tonumber(ARGV[i + 1]) then
		redis.call('XCLAIM', KEYS[1], 'g', ARGV[1], 0, ARGV[i], 'JUSTID')
	else
		table.insert(lost, ARGV[i])
	end
end
return lost`)

	// KEYS 1 ready; ARGV 1 consumer, 2 lease ms, 3 cursor, 4 how many. Takes over wake-ups whose owner went silent; answers
	// the next cursor, then entry, lane and delivery count of each.
	takeoverScript = redis.NewScript(`
local r = redis.pcall('XAUTOCLAIM', KEYS[1], 'g', ARGV[1], ARGV[2], ARGV[3], 'COUNT', ARGV[4])
if r.err then return {'0-0'} end
local out = {r[1]}
for _, e in ipairs(r[2]) do
	local p = redis.call('XPENDING', KEYS[1], 'g', e[1], e[1], 1)
	table.insert(out, e[1])
	table.insert(out, e[2][2])
	table.insert(out, p[1][4])
end
return out`)

	// KEYS 1 later; ARGV 1 how many. Answers the ms until the next lane is due (-1: none), then the lanes that are due.
	dueScript = redis.NewScript(clock + `
local now = now()
local out = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
local next = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
table.insert(out, 1, next[2] and math.floor(next[2] - now) or -1)
return out`)
)
