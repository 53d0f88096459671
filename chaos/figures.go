//go:build unix

package chaos

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// Operators believe what the status page and the metrics say, most of all when things go wrong. So they are asked all through the storm
// whether they say what cannot be, and compared in the calm with what the store holds and what the platform saw.

// tally is what came into the lanes and what left them, by name.
type tally struct{ in, out map[string]int64 }

func newTally() tally { return tally{map[string]int64{}, map[string]int64{}} }

func (t tally) came() int64 { return total(t.in) }
func (t tally) left() int64 { return total(t.out) }

func total(m map[string]int64) (n int64) {
	for _, v := range m {
		n += v
	}
	return n
}

// equal leaves out what was never counted: the store does not know of it yet, where the page says 0.
func (t tally) equal(o tally) bool {
	some := func(m map[string]int64) map[string]int64 {
		m = maps.Clone(m)
		maps.DeleteFunc(m, func(_ string, n int64) bool { return n == 0 })
		return m
	}
	return maps.Equal(some(t.in), some(o.in)) && maps.Equal(some(t.out), some(o.out))
}

// figures are what a replica tells at a time.
type figures struct {
	asked   time.Time
	metrics map[string]float64 // by series
	counted tally              // by the metrics
	page    struct {
		Now     time.Time
		Verdict struct{ Level string }
		Store   struct {
			Up      bool
			Refuses string
			Seen    *time.Time
		}
		Lanes       struct{ Ready, Paused, Events int64 }
		Events      struct{ In, Fates map[string]int64 }
		Deadletters struct{ Total int64 }
	}
}

// known tells whether the store told the replica what it has counted.
func (f *figures) known() bool { return len(f.counted.in) > 0 }

// look asks a replica. err: it did not answer, which may be, as it may be dead or frozen. lie: it answered what nobody should.
func (r *replica) look(ctx context.Context) (f *figures, lie string, err error) {
	f = &figures{asked: time.Now(), metrics: map[string]float64{}, counted: newTally()}
	text, lie, err := r.ask(ctx, "/metrics")
	if err != nil || lie != "" {
		return nil, lie, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		i := strings.LastIndexByte(line, ' ')
		if i < 0 || line[0] == '#' {
			continue
		}
		v, err := strconv.ParseFloat(line[i+1:], 64)
		if err != nil {
			return nil, fmt.Sprintf("/metrics says %q", line), nil
		}
		series := line[:i]
		f.metrics[series] = v
		if way, ok := label(series, "giosgbot_events_in_total", "way"); ok {
			f.counted.in[way] = int64(v)
		} else if fate, ok := label(series, "giosgbot_events_total", "fate"); ok {
			f.counted.out[fate] = int64(v)
		}
	}
	if text, lie, err = r.ask(ctx, "/api/status"); err != nil || lie != "" {
		return nil, lie, err
	}
	if err := json.Unmarshal(text, &f.page); err != nil {
		return nil, fmt.Sprintf("/api/status says %q: %v", text, err), nil
	}
	return f, "", nil
}

func label(series, name, label string) (value string, ok bool) {
	rest, ok := strings.CutPrefix(series, name+"{"+label+`="`)
	return strings.TrimSuffix(rest, `"}`), ok
}

func (r *replica) ask(ctx context.Context, path string) (text []byte, lie string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.admin+path, nil)
	if err != nil {
		return nil, "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	text, err = io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		lie = fmt.Sprintf("%s: %s: %.200s", path, res.Status, text)
	}
	return text, lie, err
}

// impossible lists what no replica may say, whatever happens around it.
func (f *figures) impossible() (out []string) {
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	told := map[string]int{} // series of each metric
	for series, v := range f.metrics {
		name, _, _ := strings.Cut(series, "{")
		told[name]++
		if strings.HasPrefix(name, "giosgbot_") && (v < 0 || math.IsNaN(v) || math.IsInf(v, 0)) {
			say("%s is %v", series, v)
		}
	}
	// A store that refuses writes may still be read, so that these are known although it is not up.
	for _, name := range []string{"giosgbot_events_in_total", "giosgbot_events_total", "giosgbot_lanes", "giosgbot_deadletters"} {
		if known := told[name] > 0; known != f.known() || !known && f.metrics["giosgbot_store_up"] == 1 {
			say("%s has %d series, others have %d, and store_up is %v", name, told[name], len(f.counted.in), f.metrics["giosgbot_store_up"])
		}
	}
	if f.counted.came() < f.counted.left() {
		say("by the metrics %d events came in, but %d left", f.counted.came(), f.counted.left())
	}
	p := &f.page
	came, left := total(p.Events.In), total(p.Events.Fates)
	if came < left || came-left != p.Lanes.Events {
		say("by the page %d events came in, %d left, and %d are in the lanes", came, left, p.Lanes.Events)
	}
	if p.Lanes.Ready < 0 || p.Lanes.Paused < 0 || p.Deadletters.Total < 0 {
		say("the page counts %+v lanes, %d set aside", p.Lanes, p.Deadletters.Total)
	}
	if (!p.Store.Up || p.Store.Refuses != "") && p.Verdict.Level != "bad" {
		say("the page says that the store is away, or refuses (%q), and that all is %s", p.Store.Refuses, p.Verdict.Level)
	}
	if p.Store.Up && (p.Store.Seen == nil || p.Now.Sub(*p.Store.Seen) > 2*time.Second) {
		say("at %s the page takes for live what the store said at %v", p.Now, p.Store.Seen)
	}
	return out
}

// watch looks at a replica until ctx ends.
func (w *world) watch(ctx context.Context, r *replica) {
	var last *figures // with which the store was known
	for nap(ctx, 250*time.Millisecond) {
		f, lie, err := r.look(ctx)
		w.mu.Lock()
		w.looks++
		if err != nil {
			w.missed++
		}
		w.mu.Unlock()
		if lie != "" && ctx.Err() == nil {
			w.lie(r, "%s", lie)
		}
		if err != nil || lie != "" {
			continue
		}
		for _, what := range f.impossible() {
			w.lie(r, "%s", what)
		}
		if !f.known() {
			continue
		}
		// Deaths of replicas lose no count. Only a Redis that forgets does, all of it or its last second.
		if last != nil && f.counted.came() < last.counted.came() && !w.forgot(last.asked.Add(-3*time.Second), time.Now()) {
			w.lie(r, "%d events had come in (%v), and now %d (%v)", last.counted.came(), last.counted.in, f.counted.came(), f.counted.in)
		}
		last = f
	}
}

// lie notes that a replica told what is not so.
func (w *world) lie(r *replica, format string, args ...any) {
	what := r.name + ": " + fmt.Sprintf(format, args...)
	w.mu.Lock()
	w.lies = append(w.lies, time.Now().Format(clock)+" "+what)
	w.mu.Unlock()
	w.say("%-22s %s", "UNTRUE", what)
}

// forgot tells whether Redis may have lost data in a span of time.
func (w *world) forgot(from, to time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.events, func(e event) bool {
		return (e.Kind == flushed || e.Kind == lostData || e.Kind == redisKilled) && e.At.After(from) && e.At.Before(to)
	})
}

// held is what a store holds, by its own keys.
type held struct {
	counted              tally
	items, ready, paused int64
	dead                 int64
}

func (h *held) equal(o *held) bool {
	return h.counted.equal(o.counted) && h.items == o.items && h.ready == o.ready && h.paused == o.paused && h.dead == o.dead
}

// count adds to the tally what a store keeps under a name.
func (h *held) count(name string, n int64) {
	name = strings.ReplaceAll(name, " ", "_") // as the metrics spell it
	if way, ok := strings.CutPrefix(name, "in:"); ok {
		h.counted.in[way] += n
	} else if fate, ok := strings.CutPrefix(name, "out:"); ok {
		h.counted.out[fate] += n
	}
}

// inRedis reads what Redis holds.
func (w *world) inRedis(ctx context.Context) (*held, error) {
	h, c := &held{counted: newTally()}, w.store.client
	for keys := c.Scan(ctx, 0, "giosgbot:{*", 1000).Iterator(); keys.Next(ctx); {
		key := keys.Val()
		_, kind, _ := strings.Cut(key, "}:")
		kind, _, _ = strings.Cut(kind, ":")
		var err error
		var n int64
		switch kind {
		case "box":
			n, err = c.ZCard(ctx, key).Result()
			h.items += n
		case "ready":
			n, err = c.XLen(ctx, key).Result()
			h.ready += n
		case "later":
			n, err = c.ZCard(ctx, key).Result()
			h.paused += n
		case "dead":
			n, err = c.XLen(ctx, key).Result()
			h.dead += n
		case "tally":
			var fields map[string]string
			fields, err = c.HGetAll(ctx, key).Result()
			for name, v := range fields {
				n, _ := strconv.ParseInt(v, 10, 64)
				h.count(name, n)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return h, c.Ping(ctx).Err()
}

// inFile reads what is in the file of a replica that is down.
func (r *replica) inFile() (*held, error) {
	db, err := bbolt.Open(r.file, 0o600, &bbolt.Options{ReadOnly: true, Timeout: 5 * time.Second})
	if err != nil {
		return nil, err
	}
	defer db.Close()
	h := &held{counted: newTally()}
	return h, db.View(func(tx *bbolt.Tx) error {
		h.items = int64(tx.Bucket([]byte("queue.items")).Stats().KeyN)
		h.dead = int64(tx.Bucket([]byte("queue.dead")).Stats().KeyN)
		return tx.Bucket([]byte("queue.tally")).ForEach(func(name, v []byte) error {
			var n int64
			for _, b := range v {
				n = n<<8 | int64(b)
			}
			h.count(string(name), n)
			return nil
		})
	})
}

// wrong lists where a replica's figures are not what its store holds. The lanes of a file are in memory, so the file does not tell them.
func (f *figures) wrong(h *held, lanes bool) (out []string) {
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	out = f.impossible()
	if came, left := h.counted.came(), h.counted.left(); came != left+h.items {
		say("%d events came in (%v), %d left (%v), and the store holds %d", came, h.counted.in, left, h.counted.out, h.items)
	}
	if !f.counted.equal(h.counted) {
		say("the metrics count %+v, the store %+v", f.counted, h.counted)
	}
	p := &f.page
	if !(tally{p.Events.In, p.Events.Fates}).equal(h.counted) {
		say("the page counts %+v, the store %+v", p.Events, h.counted)
	}
	for _, v := range []struct {
		what             string
		metric, page, is int64
		skip             bool
	}{
		{"events in the lanes", f.counted.came() - f.counted.left(), p.Lanes.Events, h.items, false},
		{"set aside", int64(f.metrics["giosgbot_deadletters"]), p.Deadletters.Total, h.dead, false},
		{"set aside and not put back", f.counted.out["set_aside"] - f.counted.in["retry"], p.Events.Fates["set_aside"] - p.Events.In["retry"], h.dead, false},
		{"lanes ready", int64(f.metrics[`giosgbot_lanes{state="ready"}`]), p.Lanes.Ready, h.ready, !lanes},
		{"lanes paused", int64(f.metrics[`giosgbot_lanes{state="paused"}`]), p.Lanes.Paused, h.paused, !lanes},
	} {
		if !v.skip && (v.metric != v.is || v.page != v.is) {
			say("%s: %d by the metrics, %d by the page, %d in the store", v.what, v.metric, v.page, v.is)
		}
	}
	return out
}

// compare waits until the replicas and their store say the same, and returns the figures of each. What differs to the end is a lie.
func (w *world) compare(ctx context.Context) []*figures {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	var lies []func()
	for {
		lies = nil
		all := w.compareOnce(ctx, &lies)
		if len(lies) == 0 {
			return all
		}
		if !nap(ctx, 500*time.Millisecond) {
			break
		}
	}
	for _, tell := range lies {
		tell()
	}
	return nil
}

func (w *world) compareOnce(ctx context.Context, lies *[]func()) (all []*figures) {
	tell := func(r *replica, format string, args ...any) {
		*lies = append(*lies, func() { w.lie(r, format, args...) })
	}
	var before *held
	var err error
	if !w.File {
		if before, err = w.inRedis(ctx); err != nil {
			tell(w.replicas[0], "Redis cannot be read: %v", err)
			return nil
		}
	}
	for _, r := range w.replicas {
		f, lie, err := r.look(ctx)
		switch {
		case err != nil:
			tell(r, "no answer in the calm: %v", err)
			continue
		case lie != "":
			tell(r, "%s", lie)
			continue
		}
		all = append(all, f)
		if w.File { // which only its process may read: so it is at rest when looks that surely are two say the same
			nap(ctx, 1500*time.Millisecond)
			if again, _, err := r.look(ctx); err != nil || again == nil || !again.counted.equal(f.counted) {
				tell(r, "the store does not come to rest: %+v, then %v", f.counted, err)
			}
			for _, what := range f.impossible() {
				tell(r, "%s", what)
			}
			continue
		}
		if set, err := r.setAside(ctx); err != nil || set != before.dead {
			tell(r, "%d are listed as set aside, and %d in the store: %v", set, before.dead, err)
		}
		for _, what := range f.wrong(before, true) {
			tell(r, "%s", what)
		}
	}
	if !w.File && len(*lies) == 0 {
		if after, err := w.inRedis(ctx); err != nil || !before.equal(after) {
			tell(w.replicas[0], "the store does not come to rest: %+v, %+v, %v", before, after, err)
		}
	}
	return all
}

// setAside counts the events in the list of those that were set aside.
func (r *replica) setAside(ctx context.Context) (int64, error) {
	text, lie, err := r.ask(ctx, "/api/deadletters?limit=1000")
	var list struct {
		DeadLetters []struct{ ID string }
	}
	if err == nil && lie == "" {
		err = json.Unmarshal(text, &list)
	}
	return int64(len(list.DeadLetters)), err
}

// compareFile ends the process and compares what it said last with its file.
func (w *world) compareFile(ctx context.Context) {
	r := w.replicas[0]
	set, err := r.setAside(ctx)
	var f *figures
	var lie string
	if err == nil {
		f, lie, err = r.look(ctx)
	}
	if err != nil || lie != "" {
		w.lie(r, "no answer in the calm: %s, %v", lie, err)
		return
	}
	r.stop(w) // all is at rest: nothing comes and nothing leaves meanwhile
	h, err := r.inFile()
	if err != nil {
		w.lie(r, "the file cannot be read: %v", err)
		return
	}
	if set != h.dead {
		w.lie(r, "%d are listed as set aside, and %d in the file", set, h.dead)
	}
	for _, what := range f.wrong(h, false) {
		w.lie(r, "%s", what)
	}
}

// echoed compares what the replicas have counted while webhooks came once more, and nothing was amiss, with what they answered.
func (w *world) echoed(before, after []*figures, from int) {
	if len(before) != len(w.replicas) || len(after) != len(w.replicas) {
		return // that was told already
	}
	answered := map[string]int64{} // webhooks, by the outcome that the answer tells of
	for _, d := range w.p.Deliveries(nil)[from:] {
		switch d.Status {
		case http.StatusAccepted:
			answered["kept"]++
		case http.StatusOK:
			answered["ignored"]++
		default:
			if !d.Dropped {
				return // one that may have been kept or not
			}
		}
	}
	w.mu.Lock()
	w.echoes = answered["kept"]
	w.mu.Unlock()
	if n := after[0].counted.in["webhook"] - before[0].counted.in["webhook"]; n != answered["kept"] {
		w.lie(w.replicas[0], "%d webhooks were answered as kept, but %d events came in by webhook", answered["kept"], n)
	}
	for outcome, want := range answered {
		n := 0.0
		for i := range w.replicas {
			for series, v := range after[i].metrics {
				if strings.HasPrefix(series, "giosgbot_webhooks_total{") && strings.Contains(series, `outcome="`+outcome+`"`) {
					n += v - before[i].metrics[series]
				}
			}
		}
		if n != float64(want) {
			w.lie(w.replicas[0], "%d webhooks were answered as %s, but the replicas count %v", want, outcome, n)
		}
	}
}
