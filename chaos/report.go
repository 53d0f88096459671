//go:build unix

package chaos

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// entry is one line of a chat's story.
type entry struct {
	at   time.Time
	text string
}

// records are what the replicas' logs contain.
type records struct {
	lines map[string][]entry // by chat
}

// readLogs reads the logs of all replicas.
func (w *world) readLogs(r *Result) *records {
	out := &records{map[string][]entry{}}
	for _, rep := range w.replicas {
		r.Starts += rep.begun()
		r.Crashes = append(r.Crashes, rep.crashed()...)
		b, err := os.ReadFile(rep.logFile)
		if err != nil {
			continue
		}
		r.Races += bytes.Count(b, []byte("WARNING: DATA RACE"))
		for line := range bytes.Lines(b) {
			var l struct {
				Time       time.Time
				Msg        string
				Chat, Lane string
			}
			if json.Unmarshal(line, &l) != nil {
				continue
			}
			chat := l.Chat
			if chat == "" && len(l.Lane) >= 36 {
				chat = l.Lane[len(l.Lane)-36:]
			}
			if chat != "" {
				out.lines[chat] = append(out.lines[chat], entry{l.Time, rep.name + " " + strings.TrimSpace(string(line))})
			}
		}
	}
	return out
}

// keep writes the story of a chat to a file and returns its name. A story is the transcript, webhooks, calls, faults and logs, by time.
func (w *world) keep(t *talk, v verdict, logs *records) string {
	story := slices.Clone(logs.lines[t.chat.ID])
	add := func(at time.Time, format string, args ...any) {
		story = append(story, entry{at, fmt.Sprintf(format, args...)})
	}
	for _, l := range w.lines(t) {
		add(l.At, "CHAT     %s %s %q %s  (%s)", l.Who, l.Type, l.Text, l.ResponseValue, l.ID)
	}
	for _, d := range w.p.Deliveries(nil) {
		if d.Event.ChatID == t.chat.ID {
			add(w.real(d.At), "WEBHOOK  %s %s %s copy %d attempt %d dropped %t: %d %s after %s", d.Event.Channel, d.Event.Action, d.Event.ResourceID, d.Copy, d.Attempt, d.Dropped, d.Status, d.Err, d.Took)
		}
	}
	for _, c := range w.p.Calls(nil) {
		if c.ChatID == t.chat.ID {
			add(w.real(c.At), "CALL     %s %s %s fault %q effect %t: %d after %s", c.Method, c.Pattern, c.Body, c.Fault, c.Effect, c.Status, c.Took)
		}
	}
	w.mu.Lock()
	for _, e := range w.events {
		add(e.At, "FAULT    %s %s", e.Kind, e.What)
	}
	w.mu.Unlock()
	slices.SortStableFunc(story, func(a, b entry) int { return a.at.Compare(b.at) })
	var b strings.Builder
	fmt.Fprintf(&b, "chat %s of %s in %s, served %d, plot %q\n", t.chat.ID, t.org.Name, t.lang, t.by.Load(), plots[t.plot])
	for _, d := range v.lost() {
		fmt.Fprintf(&b, "LOST %q to %q of %s (%s)\n", d.text, d.to.Text, d.to.At.Format(clock), d.to.ID)
	}
	for _, l := range v.doubled {
		fmt.Fprintf(&b, "DOUBLED %q at %s (%s)\n", l.Text, l.At.Format(clock), l.ID)
	}
	for _, what := range v.wrong {
		fmt.Fprintf(&b, "WRONG %s\n", what)
	}
	for _, s := range v.swapped {
		fmt.Fprintf(&b, "%s %q at %s before the answers to", [...]string{"REORDERED", "too late", "unknowable", "lost"}[s.knew], s.text, s.by.At.Format(clock))
		for _, l := range s.passed {
			fmt.Fprintf(&b, " %q", l.Text)
		}
		fmt.Fprintln(&b)
	}
	fmt.Fprintln(&b)
	for _, e := range story {
		fmt.Fprintf(&b, "%s %s\n", e.at.UTC().Format(clock), e.text)
	}
	name := filepath.Join(w.Dir, "chat-"+t.chat.ID+".txt")
	if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
		return err.Error()
	}
	return name
}

const clock = "15:04:05.000"

// String returns the result as a table, and a line for each finding.
func (r *Result) String() string {
	var b bytes.Buffer
	out := bufio.NewWriter(&b)
	t := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	row := func(name string, format string, args ...any) {
		fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	r.describe(row)
	r.judged(row)
	_ = t.Flush()
	r.details(out)
	_ = out.Flush()
	return b.String()
}

// describe writes what happened in the run.
func (r *Result) describe(row func(name, format string, args ...any)) {
	n := func(kinds ...string) (sum int) {
		for _, k := range kinds {
			sum += r.Events[k]
		}
		return sum
	}
	row("sweeps", "%t", r.Sweeps)
	row("chats", "%d, %d of them served by humans", r.Chats, r.Humans)
	row("messages of visitors", "%d", r.Written)
	row("webhooks", "%d sent, %d of them copies, %d not accepted; %d dropped, %d given up", r.Webhooks, r.Repeated, r.Refused, r.Dropped, r.GivenUp)
	row("API calls", "%d, %.2f for each answer; %d took effect late", r.Calls, float64(r.Calls)/float64(max(r.Answers, 1)), r.Late)
	row("replicas", "%d started; killed %d times, frozen %d, restarted %d, upgraded %d", r.Starts, n("kill", "kill all"), n("freeze"), n("restart"), n(upgrade))
	row("redis", "killed %d times, frozen %d, wiped %d, failed over %d", n(redisKilled), n("redis frozen"), n(flushed, lostData), n(failedOver))
	row("faults", "%s", list(r.Events))
	row("failed calls", "%s", list(r.CallFaults))
	row("answers", "%d", r.Answers)
	if r.LongChat != "" {
		row("long chats", "at most %s", r.LongChat)
	}
}

// judged writes one line for each verdict.
func (r *Result) judged(row func(name, format string, args ...any)) {
	row("lost", "%d", r.Lost)
	row("doubled", "%d", r.Doubled)
	row("reordered", "%d; and where the bot learned of the earlier message too late %d, or not before it answered %d", r.Reordered, r.TooLate, r.Unknowable)
	row("kept but found again", "%d", r.FoundAgain)
	row("silent sidekick", "%d; with an excuse %d (%s)", r.Silent, r.Unaided, list(r.Excused))
	row("wrong answers", "%d", len(r.Wrong))
	row("too many calls", "%d", len(r.Storms))
	row("waited for others", "%d", len(r.Starved))
	row("slow webhooks", "%d", len(r.Slow))
	row("violations", "%d", len(r.Violations))
	row("dead letters", "%d", r.DeadLetters)
	row("status page, metrics", "%d wrong figures in %d polls, %d of them not answered; %d webhooks counted one by one", len(r.Untrue), r.Polls, r.Missed, r.Echoes)
	row("wait for an answer", "p50 %s, p99 %s, longest %s", at(r.Waits, 50), at(r.Waits, 99), at(r.Waits, 100))
	row("... during a fault", "p50 %s, p99 %s (%d)", at(r.Hit, 50), at(r.Hit, 99), len(r.Hit))
	quiet := fmt.Sprintf("%.1f s after the storm", r.Calm.Seconds())
	if !r.Quiet {
		quiet = "NOT within " + quiet
	}
	row("everybody answered", "%s", quiet)
	row("seed", "%d", r.Seed)
}

// details writes what a person needs to find the cause.
func (r *Result) details(out io.Writer) {
	for _, v := range r.Violations {
		fmt.Fprintf(out, "violation: %s: %s: %s %s\n", v.Kind, v.Detail, v.Call.Method, v.Call.Path)
	}
	for _, list := range []struct {
		name  string
		lines []string
	}{
		{"wrong answer", r.Wrong}, {"too many calls", r.Storms}, {"tenants", r.Tenants}, {"waited", r.Starved}, {"slow webhook", r.Slow},
		{"wrong figure", r.Untrue}, {"crash", r.Crashes}, {"see", r.Worst},
	} {
		for i, line := range list.lines {
			if i == mostLines {
				fmt.Fprintf(out, "%s: and %d more\n", list.name, len(list.lines)-i)
				break
			}
			fmt.Fprintf(out, "%s: %s\n", list.name, line)
		}
	}
	if r.Races > 0 {
		fmt.Fprintf(out, "data races: %d\n", r.Races)
	}
	for _, f := range r.Findings() {
		fmt.Fprintf(out, "FINDING: %s\n", f)
	}
}

const mostLines = 12 // of one kind in the details

func list(m map[string]int) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s %d", k, m[k]))
	}
	return strings.Join(parts, ", ")
}

// at returns a percentile of sorted durations.
func at(d []time.Duration, percent int) string {
	if len(d) == 0 {
		return "-"
	}
	return d[min(len(d)-1, len(d)*percent/100)].Round(time.Millisecond).String()
}
