package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"syscall"

	"giosgbot/app"
	"giosgbot/config"
)

// profiled runs the bot as `bot serve` does and writes the profiles name.cpu and, when it ends, name.heap.
func profiled(name string) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	debug.SetGCPercent(400) // as bot serve does
	cfg, err := config.Load(os.LookupEnv)
	if err != nil {
		return err
	}
	a, err := app.New(ctx, cfg, app.Options{Log: slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: cfg.LogLevel}))})
	if err != nil {
		return err
	}
	f, err := os.Create(name + ".cpu")
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	err = a.Run(ctx)
	pprof.StopCPUProfile()
	runtime.GC()
	h, cause := os.Create(name + ".heap")
	if cause != nil {
		return errors.Join(err, f.Close(), cause)
	}
	return errors.Join(err, f.Close(), pprof.WriteHeapProfile(h), h.Close())
}
