// Bench compares the bot, with its file and with Redis, with a floor: the smallest program that answers a webhook. It runs each as a
// process of its own on this machine, alternates between them in rounds, and prints a table: go run ./cmd/bench
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// options are the command line's settings.
type options struct {
	stages  []int
	parts   []string
	rounds  int
	round   time.Duration
	running int
	orgs    int
	rate    float64
	share   float64
	echo    bool
	quick   bool
	profile string
	dir     string
}

var allParts = []string{"start", "load", "trips"}

func main() {
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 1 && args[0] == "floor":
		err = floor()
	case len(args) == 2 && args[0] == "profiled":
		err = profiled(args[1])
	default:
		var o options
		if o, err = parse(args); err == nil {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			err = run(ctx, o)
		}
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	var stages, parts string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&stages, "chats", "1,10000,100000", "numbers of open chats to measure with, in ascending order")
	f.StringVar(&parts, "parts", strings.Join(allParts, ","), "what to measure")
	f.IntVar(&o.rounds, "rounds", 5, "number of rounds")
	f.DurationVar(&o.round, "round", 3*time.Second, "how long each subject is measured in a round")
	f.IntVar(&o.running, "running", 64, "concurrent chats at full load")
	f.IntVar(&o.orgs, "orgs", 16, "number of organizations")
	f.Float64Var(&o.rate, "rate", 30, "messages a second at low load")
	f.Float64Var(&o.share, "share", 0.15, "high load, as a share of the floor's full load")
	f.BoolVar(&o.echo, "echo", true, "send webhooks for the bot's own messages too, as giosg does")
	f.BoolVar(&o.quick, "quick", false, "take less than a minute: fewer chats, shorter rounds")
	f.StringVar(&o.profile, "profile", "", "a `folder` for CPU and heap profiles of the bot")
	f.StringVar(&o.dir, "dir", "", "a `folder` for the stores (default a temporary one); the speed of its disk matters")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.quick {
		stages, o.rounds, o.round = "1,500", 2, time.Second
	}
	for s := range strings.SplitSeq(stages, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < 1 || len(o.stages) > 0 && n <= o.stages[len(o.stages)-1] {
			return o, fmt.Errorf("-chats: %q is not a list of ascending numbers", stages)
		}
		o.stages = append(o.stages, n)
	}
	for p := range strings.SplitSeq(parts, ",") {
		if p = strings.TrimSpace(p); !slices.Contains(allParts, p) {
			return o, fmt.Errorf("-parts: there is no %q, only %s", p, strings.Join(allParts, ", "))
		}
		o.parts = append(o.parts, p)
	}
	if o.rounds < 1 || o.round < 100*time.Millisecond || o.running < 1 || o.orgs < 1 || o.orgs > 900 || o.rate <= 0 || o.share <= 0 || f.NArg() > 0 {
		return o, errors.New("a flag is out of range, or there are too many arguments; see -help")
	}
	return o, nil
}
