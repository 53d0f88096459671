//go:build unix

// Command chaos runs the bot through everything that can go wrong, counts what visitors got, and exits with 1 if a promise was broken.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"giosgbot/chaos"
)

func main() { os.Exit(run()) }

func run() int {
	var o chaos.Options
	var store string
	var verbose bool
	flag.Uint64Var(&o.Seed, "seed", 0, "of the dice; 0 takes one from the clock and prints it")
	flag.DurationVar(&o.For, "for", 0, "how long faults happen (default 2m)")
	flag.DurationVar(&o.Calm, "calm", 0, "how long everybody may wait for an answer after that (default 90s)")
	flag.IntVar(&o.Replicas, "replicas", 0, "processes of the bot (default 2)")
	flag.IntVar(&o.Chats, "chats", 0, "visitors (default 4 for each second)")
	flag.StringVar(&store, "store", "redis", "redis, or file for one replica with the embedded store")
	flag.StringVar(&o.Bot, "bot", "", "the bot's binary, if it is built already")
	flag.BoolVar(&o.Race, "race", false, "build the bot with the race detector")
	flag.StringVar(&o.Dir, "artifacts", "", "where logs and transcripts are kept, that of the longest wait too (default a temporary folder, which stays only after a failure)")
	flag.BoolVar(&verbose, "v", false, "say what happens as it happens")
	flag.Parse()
	if flag.NArg() > 0 || store != "redis" && store != "file" {
		flag.Usage()
		return 2
	}
	o.File = store == "file"
	if _, err := exec.LookPath("redis-server"); err != nil && !o.File {
		fmt.Fprintln(os.Stderr, "chaos: there is no redis-server on this machine: install it (apt-get install redis-server, brew install redis), or try -store file")
		return 2
	}
	if verbose {
		o.Progress = os.Stdout
	}
	temporary := o.Dir == ""
	var err error
	if temporary {
		o.Dir, err = os.MkdirTemp("", "chaos-")
	} else {
		err = os.MkdirAll(o.Dir, 0o700)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	r, err := chaos.Run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		fmt.Fprintln(os.Stderr, "logs are in", o.Dir)
		return 2
	}
	fmt.Print(r)
	again := fmt.Sprintf("go run ./cmd/chaos -seed %d -for %s -store %s", r.Seed, r.For, store)
	if !r.OK() {
		fmt.Printf("FAILED; logs and transcripts are in %s\nagain: %s\n", o.Dir, again)
		return 1
	}
	if temporary {
		_ = os.RemoveAll(o.Dir)
	} else if r.Slowest != "" {
		fmt.Println("the longest wait is in", r.Slowest)
	}
	fmt.Println("ok; again:", again)
	return 0
}
