package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"giosgbot/app"
	"giosgbot/config"
)

func serveCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Receive webhooks and answer chats (default).",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), e) },
	}
}

// serve runs the bot until SIGTERM or SIGINT.
func serve(ctx context.Context, e *env) error {
	cfg, err := config.Load(e.getenv)
	if len(cfg.WebhookSecrets) == 0 && !strings.Contains(fmt.Sprint(err), "WEBHOOK_SECRET") {
		err = errors.Join(err, errors.New(
			"WEBHOOK_SECRET is not set: without it anybody could send webhooks. Make one: openssl rand -hex 32"))
	}
	if err != nil {
		err = errors.Join(err, app.CheckPlaybook(cfg.Playbook)) // report all mistakes at once
		return fmt.Errorf("the settings are invalid:\n  %s", strings.ReplaceAll(err.Error(), "\n", "\n  "))
	}
	if _, set := e.getenv("GOGC"); !set {
		// Only a few MB are live at any time, and each webhook leaves tens of KB of garbage. At Go's default of 100 the collector took
		// an eighth of the CPU time.
		debug.SetGCPercent(400)
	}
	a, err := app.New(ctx, cfg, app.Options{Log: e.log, Version: versionText()})
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w: is a bot running already? Stop the process that listens there, or choose another port", err)
	}
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

// newLogger returns a logger with the level and format of LOG_LEVEL and LOG_FORMAT. It ignores wrong values; serve reports them.
func newLogger(w io.Writer, getenv func(string) (string, bool)) *slog.Logger {
	cfg, _ := config.Load(getenv)
	o := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == "text" || cfg.LogFormat == "" && isTerminal(w) {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	s, err := f.Stat()
	return err == nil && s.Mode()&os.ModeCharDevice != 0
}
