//go:build unix

// Command chaos runs the bot while everything around it fails, counts what visitors got, and exits with 1 if a promise was broken.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"giosgbot/chaos"
)

func main() { os.Exit(run()) }

// flags are the command line's settings.
type flags struct {
	chaos.Options
	store, only, without, sweeps string
	verbose, list                bool
	within                       time.Duration
}

// names is a comma-separated list. Dashes stand for spaces, so that a shell needs no quotes.
func names(list string) (out []string) {
	known := map[string]string{}
	for line := range strings.Lines(chaos.Troubles()) {
		name := strings.TrimSpace(line[:min(len(line), 26)])
		known[strings.ReplaceAll(name, " ", "-")] = name
	}
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if full, ok := known[strings.ReplaceAll(name, " ", "-")]; ok {
			name = full
		}
		if name == "basic" {
			out = append(out, chaos.Basic()...)
			continue
		}
		out = append(out, name)
	}
	return out
}

func parse() (*flags, bool) {
	f := &flags{}
	flag.Uint64Var(&f.Seed, "seed", 0, "seed of the random numbers (default from the clock; the output shows it)")
	flag.DurationVar(&f.For, "for", 0, "how long faults happen (default 2m)")
	flag.DurationVar(&f.Calm, "calm", 0, "how long everybody may wait for an answer after that (default 3m)")
	flag.IntVar(&f.Replicas, "replicas", 0, "processes of the bot (default 2)")
	flag.IntVar(&f.Chats, "chats", 0, "visitors (default 4 for each second)")
	flag.StringVar(&f.store, "store", "redis", "redis, or file for one replica with the embedded store")
	flag.StringVar(&f.only, "only", "", "comma-separated `troubles`; basic means those of the short test (default all)")
	flag.StringVar(&f.without, "without", "", "comma-separated `troubles` to leave out")
	flag.BoolVar(&f.list, "list", false, "list the troubles and sabotages, and exit")
	flag.StringVar(&f.sweeps, "sweeps", "auto", "on; off: no sweep repairs a lost event, and nothing is lost for good; auto: off with odd seeds")
	flag.StringVar(&f.Bot, "bot", "", "the bot's `binary` (default it is built)")
	flag.StringVar(&f.Old, "old", "", "an earlier version's `binary`; replicas restart with either version")
	flag.StringVar(&f.Sabotage, "sabotage", "", "put this `defect` (or all, one after the other) into the bot, and exit with 1 if it is not found")
	flag.DurationVar(&f.within, "within", 5*time.Minute, "time limit to find a sabotage")
	flag.BoolVar(&f.Race, "race", false, "build the bot with the race detector")
	flag.StringVar(&f.Dir, "artifacts", "", "a `folder` for logs and transcripts (default a temporary one, which is kept after a failure)")
	flag.BoolVar(&f.verbose, "v", false, "show what happens as it happens")
	flag.Parse()
	f.File, f.Only, f.Without = f.store == "file", names(f.only), names(f.without)
	if f.Seed == 0 {
		f.Seed = uint64(time.Now().UnixNano()) % 1_000_000
	}
	f.Sweeps = f.sweeps == "on" || f.sweeps == "auto" && f.Seed%2 == 0
	ok := flag.NArg() == 0 && (f.store == "redis" || f.File) && (f.sweeps == "on" || f.sweeps == "off" || f.sweeps == "auto")
	return f, ok
}

func run() int {
	f, ok := parse()
	switch {
	case !ok:
		flag.Usage()
		return 2
	case f.list:
		fmt.Printf("troubles:\n%ssabotages:\n  %s\n", chaos.Troubles(), strings.Join(chaos.Sabotages(), "\n  "))
		return 0
	}
	if _, err := exec.LookPath("redis-server"); err != nil && !f.File {
		fmt.Fprintln(os.Stderr, "chaos: there is no redis-server on this machine: install it (apt-get install redis-server, brew install redis), or try -store file")
		return 2
	}
	if f.verbose {
		f.Progress = os.Stdout
	}
	temporary := f.Dir == ""
	var err error
	if temporary {
		f.Dir, err = os.MkdirTemp("", "chaos-")
	} else {
		err = os.MkdirAll(f.Dir, 0o700)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if f.Sabotage != "" {
		return f.sabotage(ctx)
	}
	status := f.once(ctx)
	if temporary && status == 0 {
		_ = os.RemoveAll(f.Dir)
	}
	return status
}

// once runs once and returns the exit status.
func (f *flags) once(ctx context.Context) int {
	r, err := chaos.Run(ctx, f.Options)
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		fmt.Fprintln(os.Stderr, "logs are in", f.Dir)
		return 2
	}
	fmt.Print(r)
	again := fmt.Sprintf("go run ./cmd/chaos -seed %d -for %s -store %s -sweeps %s", r.Seed, r.For, f.store, map[bool]string{true: "on", false: "off"}[r.Sweeps])
	if f.only != "" {
		again += fmt.Sprintf(" -only %q", f.only)
	}
	if f.without != "" {
		again += fmt.Sprintf(" -without %q", f.without)
	}
	if !r.OK() {
		fmt.Printf("FAILED; logs and transcripts are in %s\nagain: %s\n", f.Dir, again)
		return 1
	}
	fmt.Println("ok; again:", again)
	return 0
}

// sabotage runs the bot with each defect until a run finds it, and returns 1 if one is not found in time.
func (f *flags) sabotage(ctx context.Context) int {
	list := []string{strings.ReplaceAll(f.Sabotage, "-", " ")}
	if f.Sabotage == "all" {
		list = chaos.Sabotages()
	}
	status := 0
	for _, name := range list {
		start := time.Now()
		findings, runs, err := f.find(ctx, name, start.Add(f.within))
		took := time.Since(start).Round(time.Second)
		switch {
		case err != nil:
			fmt.Printf("%-24s ERROR %v\n", name, err)
			return 2
		case len(findings) == 0:
			fmt.Printf("%-24s NOT FOUND in %d runs, %s\n", name, runs, took)
			status = 1
		default:
			fmt.Printf("%-24s found in run %d after %s: %s\n", name, runs, took, strings.Join(findings, "; "))
		}
	}
	return status
}

// find runs the bot with a defect, with one seed after the other.
func (f *flags) find(ctx context.Context, name string, end time.Time) (findings []string, runs int, err error) {
	o := f.Options
	o.Sabotage = name
	if o.For <= 0 {
		o.For = 40 * time.Second
	}
	if o.Calm <= 0 {
		o.Calm = 40 * time.Second
	}
	if err := chaos.Prepare(&o); err != nil {
		return nil, 0, err
	}
	for time.Now().Before(end) && ctx.Err() == nil {
		runs++
		r, err := chaos.Run(ctx, o)
		if err != nil {
			return nil, runs, err
		}
		if f.verbose {
			fmt.Print(r)
		}
		if all := r.Findings(); slices.ContainsFunc(all, func(finding string) bool { return chaos.Shows(name, finding) }) {
			return all, runs, nil
		}
		o.Seed += 2 // the same kind of seed, for -sweeps auto
	}
	return nil, runs, ctx.Err()
}
