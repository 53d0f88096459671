package queue

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Warning returns what is wrong with the settings of Redis although it can be used, as one sentence; empty if nothing is, or if Redis does not
// tell. It changes when another server becomes the primary.
func (q *Redis) Warning() string {
	s, _ := q.warning.Load().(string)
	return s
}

// inspect finds out what Warning returns.
func (q *Redis) inspect(ctx context.Context) {
	var mu sync.Mutex
	warning := ""
	look := func(ctx context.Context, c redis.Cmdable) {
		if w := persistence(ctx, c); w != "" {
			mu.Lock()
			warning = w
			mu.Unlock()
		}
	}
	if c, ok := q.client.(*redis.ClusterClient); ok {
		_ = c.ForEachMaster(ctx, func(ctx context.Context, c *redis.Client) error { look(ctx, c); return nil })
	} else {
		look(ctx, q.client)
	}
	for n := range q.primaries {
		if is := q.primaries[n].Load(); warning == "" && is != nil && strings.HasPrefix(is.is, unknownServer) {
			warning = "Redis does not tell its run_id (command INFO): a failover is not noticed, and messages around it may be answered twice"
		}
	}
	q.warning.Store(warning)
}

// persistence returns what is wrong with how a server keeps its data on disk.
func persistence(ctx context.Context, c redis.Cmdable) string {
	appends, err := c.ConfigGet(ctx, "appendonly").Result()
	saves, err2 := c.ConfigGet(ctx, "save").Result()
	if errors.Join(err, err2) != nil { // a managed Redis may refuse CONFIG
		info, err := c.Info(ctx, "persistence").Result()
		if err != nil || !strings.Contains(info, "aof_enabled:0") {
			return ""
		}
		return "Redis has no append-only file: after a crash of Redis accepted events are lost, unless its provider keeps them otherwise"
	}
	switch {
	case appends["appendonly"] != "no":
		return ""
	case saves["save"] == "":
		return "Redis keeps its data in memory only: after a restart of Redis accepted events are lost; set appendonly to yes"
	}
	return "Redis writes only snapshots of its data to disk: after a crash of Redis the events since the last one are lost; set appendonly to yes"
}
