package queue_test

import (
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"giosgbot/dedupe"
	"giosgbot/queue"
	"giosgbot/redistest"
)

// BenchmarkRedis and BenchmarkBolt measure the way of one item: put, leased and done. The CPU time of the server says more than the clock
// on a busy machine.
func BenchmarkRedis(b *testing.B) {
	c := redistest.Start(b).Client(b)
	q, err := queue.NewRedis(b.Context(), c, queue.RedisOptions{Block: 50 * time.Millisecond})
	if err != nil {
		b.Fatal(err)
	}
	defer q.Close()
	used := func() (seconds float64) {
		for line := range strings.Lines(c.Info(b.Context(), "cpu").Val()) {
			name, v, _ := strings.Cut(strings.TrimSpace(line), ":")
			if name == "used_cpu_user" || name == "used_cpu_sys" {
				s, _ := strconv.ParseFloat(v, 64)
				seconds += s
			}
		}
		return seconds
	}
	before := used()
	benchmark(b, q)
	b.ReportMetric((used()-before)*1e6/float64(b.N), "server-µs/op")
}

func BenchmarkBolt(b *testing.B) {
	db, err := bbolt.Open(filepath.Join(b.TempDir(), "bot.db"), 0o600, &bbolt.Options{NoSync: true}) // the disk is not what is measured
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	seen, err := dedupe.NewBolt(db, time.Hour, nil)
	if err != nil {
		b.Fatal(err)
	}
	q, err := queue.NewBolt(db, seen, queue.BoltOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer q.Close()
	benchmark(b, q)
}

func benchmark(b *testing.B, q queue.Queue) {
	body := make([]byte, 400)
	var items atomic.Int64
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n := items.Add(1)
			it := queue.Item{Lane: strconv.FormatInt(n%1000, 10), ID: strconv.FormatInt(n, 10), At: time.Now(), Body: body}
			err := q.Put(b.Context(), it)
			var l *queue.Lease
			if err == nil {
				l, err = q.Lease(b.Context())
			}
			if err == nil {
				err = l.Done(b.Context(), queue.Outcome{Finished: []string{l.ID}, Memo: body[:200]})
			}
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
}
