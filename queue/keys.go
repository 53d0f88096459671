package queue

import (
	"hash/fnv"
	"strconv"
)

// partitions is part of every key name: another number would hide what is in the lanes of a running fleet.
const partitions = 16

var allPartitions = func() (all []int) {
	for p := range partitions {
		all = append(all, p)
	}
	return all
}()

// Keys names what the queue keeps in Redis. All keys of a lane are in one slot of a Cluster.
type Keys struct {
	Prefix string // of every key, for deployments that share a Redis
}

// Seen returns the key of the set of ids that were finished in a lane.
func (k Keys) Seen(lane string) string { return k.lane(lane, "seen") }

func (k Keys) lane(lane, kind string) string { return k.part(partition(lane), kind) + ":" + lane }

func (k Keys) part(p int, kind string) string {
	return k.Prefix + ":{" + strconv.Itoa(p) + "}:" + kind
}

// all returns the keys that every script of a lane takes, in the order that prelude names.
func (k Keys) all(lane string) []string {
	p := partition(lane)
	return []string{
		k.part(p, "ready"), k.part(p, "later"),
		k.lane(lane, "box"), k.lane(lane, "bodies"), k.lane(lane, "state"), k.lane(lane, "seen"),
		k.part(p, "dead"), k.part(p, "tally"),
	}
}

func partition(lane string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(lane))
	return int(h.Sum32() % partitions)
}
