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
	"strconv"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// Operators rely on the status page and the metrics, most of all when things go wrong. So the package polls them all the time and looks for
// impossible figures. After the calm it compares them with what the store holds and with the platform's records.

// tally counts the events that came into the lanes and those that left them, by name.
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

// equal reports whether two tallies are the same. A count that the store does not have yet is 0.
func (t tally) equal(o tally) bool {
	some := func(m map[string]int64) map[string]int64 {
		m = maps.Clone(m)
		maps.DeleteFunc(m, func(_ string, n int64) bool { return n == 0 })
		return m
	}
	return maps.Equal(some(t.in), some(o.in)) && maps.Equal(some(t.out), some(o.out))
}

// figures are the metrics and the status page of a replica at one time.
type figures struct {
	asked   time.Time
	metrics map[string]float64 // by series
	counted tally              // from the metrics
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

// known reports whether the replica has the store's counters.
func (f *figures) known() bool { return len(f.counted.in) > 0 }

// poll asks a replica for its figures. err means that it did not answer, which is right while it is down or frozen. wrong means that it gave
// an answer that is never right.
func (r *replica) poll(ctx context.Context) (f *figures, wrong string, err error) {
	f = &figures{asked: time.Now(), metrics: map[string]float64{}, counted: newTally()}
	text, wrong, err := r.ask(ctx, "/metrics")
	if err != nil || wrong != "" {
		return nil, wrong, err
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
	if text, wrong, err = r.ask(ctx, "/api/status"); err != nil || wrong != "" {
		return nil, wrong, err
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

func (r *replica) ask(ctx context.Context, path string) (text []byte, wrong string, err error) {
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
		wrong = fmt.Sprintf("%s: %s: %.200s", path, res.Status, text)
	}
	return text, wrong, err
}

// impossible lists figures that are never right, whatever happens around the replica.
func (f *figures) impossible() (out []string) {
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	series := map[string]int{} // of each metric
	for one, v := range f.metrics {
		name, _, _ := strings.Cut(one, "{")
		series[name]++
		if strings.HasPrefix(name, "giosgbot_") && (v < 0 || math.IsNaN(v) || math.IsInf(v, 0)) {
			say("%s is %v", one, v)
		}
	}
	// A store that refuses writes can still be read, so these may be known although it is not up.
	for _, name := range []string{"giosgbot_events_in_total", "giosgbot_events_total", "giosgbot_lanes", "giosgbot_deadletters"} {
		if known := series[name] > 0; known != f.known() || !known && f.metrics["giosgbot_store_up"] == 1 {
			say("%s has %d series, others have %d, and store_up is %v", name, series[name], len(f.counted.in), f.metrics["giosgbot_store_up"])
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
		say("the page counts %+v lanes, %d dead letters", p.Lanes, p.Deadletters.Total)
	}
	if (!p.Store.Up || p.Store.Refuses != "") && p.Verdict.Level != "bad" {
		say("the page says that the store is down or refuses (%q), and that the level is %s", p.Store.Refuses, p.Verdict.Level)
	}
	if p.Store.Up && (p.Store.Seen == nil || p.Now.Sub(*p.Store.Seen) > 2*time.Second) {
		say("at %s the page shows figures of %v as live", p.Now, p.Store.Seen)
	}
	return out
}

// watch polls a replica until ctx ends.
func (w *world) watch(ctx context.Context, r *replica) {
	var last *figures // the last ones with the store's counters
	for nap(ctx, 250*time.Millisecond) {
		f, wrong, err := r.poll(ctx)
		w.mu.Lock()
		w.polls++
		if err != nil {
			w.missed++
		}
		w.mu.Unlock()
		if wrong != "" && ctx.Err() == nil {
			w.report(r, "%s", wrong)
		}
		if err != nil || wrong != "" {
			continue
		}
		for _, what := range f.impossible() {
			w.report(r, "%s", what)
		}
		w.mu.Lock()
		w.dead = max(w.dead, int(f.page.Deadletters.Total))
		w.mu.Unlock()
		if !f.known() {
			continue
		}
		// A crash of a replica loses no count. Only a Redis that loses data does.
		if last != nil && f.counted.came() < last.counted.came() && !w.forgotIn(last.asked.Add(-3*time.Second), time.Now()) {
			w.report(r, "%d events had come in (%v), and now %d (%v)", last.counted.came(), last.counted.in, f.counted.came(), f.counted.in)
		}
		last = f
	}
}

// report notes a wrong figure of a replica.
func (w *world) report(r *replica, format string, args ...any) {
	what := r.name + ": " + fmt.Sprintf(format, args...)
	w.mu.Lock()
	w.untrue = append(w.untrue, time.Now().Format(clock)+" "+what)
	w.mu.Unlock()
	w.say("%-22s %s", "WRONG FIGURE", what)
}

// held is what a store holds.
type held struct {
	counted              tally
	items, ready, paused int64
	dead                 int64
}

func (h *held) equal(o *held) bool {
	return h.counted.equal(o.counted) && h.items == o.items && h.ready == o.ready && h.paused == o.paused && h.dead == o.dead
}

// count adds a counter of the store to the tally.
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
	h, c := &held{counted: newTally()}, w.store.now().client
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

// inFile reads the file of a replica that is down.
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

// differs lists where a replica's figures differ from its store. The state of a file's lanes is in memory, so lanes is false for a file.
func (f *figures) differs(h *held, lanes bool) (out []string) {
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
		{"dead letters", int64(f.metrics["giosgbot_deadletters"]), p.Deadletters.Total, h.dead, false},
		{"dead letters that were not retried", f.counted.out["set_aside"] - f.counted.in["retry"], p.Events.Fates["set_aside"] - p.Events.In["retry"], h.dead, false},
		{"lanes ready", int64(f.metrics[`giosgbot_lanes{state="ready"}`]), p.Lanes.Ready, h.ready, !lanes},
		{"lanes paused", int64(f.metrics[`giosgbot_lanes{state="paused"}`]), p.Lanes.Paused, h.paused, !lanes},
	} {
		if !v.skip && (v.metric != v.is || v.page != v.is) {
			say("%s: %d by the metrics, %d by the page, %d in the store", v.what, v.metric, v.page, v.is)
		}
	}
	return out
}

// compare waits until the figures of all replicas agree with their store, and returns them. What still differs in the end is reported.
func (w *world) compare(ctx context.Context) []*figures {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	var wrongs []func()
	for {
		wrongs = nil
		all := w.compareOnce(ctx, &wrongs)
		if len(wrongs) == 0 {
			return all
		}
		if !nap(ctx, 500*time.Millisecond) {
			break
		}
	}
	for _, tell := range wrongs {
		tell()
	}
	return nil
}

func (w *world) compareOnce(ctx context.Context, wrongs *[]func()) (all []*figures) {
	tell := func(r *replica, format string, args ...any) {
		*wrongs = append(*wrongs, func() { w.report(r, format, args...) })
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
		f, wrong, err := r.poll(ctx)
		switch {
		case err != nil:
			tell(r, "no answer in the calm: %v", err)
			continue
		case wrong != "":
			tell(r, "%s", wrong)
			continue
		}
		all = append(all, f)
		if w.File { // only its process can read it: two polls that agree show that nothing happens
			nap(ctx, 1500*time.Millisecond)
			if again, _, err := r.poll(ctx); err != nil || again == nil || !again.counted.equal(f.counted) {
				tell(r, "the counters still change: %+v, then %v", f.counted, err)
			}
			for _, what := range f.impossible() {
				tell(r, "%s", what)
			}
			continue
		}
		if set, err := r.deadLetters(ctx); err != nil || set != before.dead {
			tell(r, "%d dead letters are listed, and %d in the store: %v", set, before.dead, err)
		}
		for _, what := range f.differs(before, true) {
			tell(r, "%s", what)
		}
	}
	if !w.File && len(*wrongs) == 0 {
		if after, err := w.inRedis(ctx); err != nil || !before.equal(after) {
			tell(w.replicas[0], "the counters still change: %+v, %+v, %v", before, after, err)
		}
	}
	return all
}

// deadLetters counts the events in the list of dead letters.
func (r *replica) deadLetters(ctx context.Context) (int64, error) {
	text, wrong, err := r.ask(ctx, "/api/deadletters?limit=1000")
	var list struct {
		DeadLetters []struct{ ID string }
	}
	if err == nil && wrong == "" {
		err = json.Unmarshal(text, &list)
	}
	return int64(len(list.DeadLetters)), err
}

// compareFile ends the process and compares its last figures with its file.
func (w *world) compareFile(ctx context.Context) {
	r := w.replicas[0]
	set, err := r.deadLetters(ctx)
	var f *figures
	var wrong string
	if err == nil {
		f, wrong, err = r.poll(ctx)
	}
	if err != nil || wrong != "" {
		w.report(r, "no answer in the calm: %s, %v", wrong, err)
		return
	}
	r.stop(w) // nothing happens meanwhile
	h, err := r.inFile()
	if err != nil {
		w.report(r, "the file cannot be read: %v", err)
		return
	}
	if set != h.dead {
		w.report(r, "%d dead letters are listed, and %d in the file", set, h.dead)
	}
	for _, what := range f.differs(h, false) {
		w.report(r, "%s", what)
	}
}

// echoed compares what the replicas counted during the echo with their answers to its webhooks.
func (w *world) echoed(before, after []*figures, from int) {
	if len(before) != len(w.replicas) || len(after) != len(w.replicas) {
		return // that was reported already
	}
	answered := map[string]int64{} // webhooks, by the outcome that their answers mean
	for _, d := range w.p.Deliveries(nil)[from:] {
		switch d.Status {
		case http.StatusAccepted:
			answered["kept"]++
		case http.StatusOK:
			answered["ignored"]++
		default:
			if !d.Dropped {
				return // one that may be kept or not
			}
		}
	}
	w.mu.Lock()
	w.echoes = answered["kept"]
	w.mu.Unlock()
	if n := after[0].counted.in["webhook"] - before[0].counted.in["webhook"]; n != answered["kept"] {
		w.report(w.replicas[0], "%d webhooks were answered as kept, but %d events came in by webhook", answered["kept"], n)
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
			w.report(w.replicas[0], "%d webhooks were answered as %s, but the replicas count %v", want, outcome, n)
		}
	}
}
