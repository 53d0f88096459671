package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"giosgbot/app"
	"giosgbot/config"
	"giosgbot/handlers"
)

type serveCmd struct{}

// Help is shown by `bot serve --help`.
func (serveCmd) Help() string { return settingsHelp() }

// Run takes webhooks until SIGTERM or SIGINT.
func (serveCmd) Run(e *env) error {
	cfg, err := config.Load(e.getenv)
	if len(cfg.WebhookSecrets) == 0 && !strings.Contains(fmt.Sprint(err), "WEBHOOK_SECRET") {
		err = errors.Join(err, errors.New("WEBHOOK_SECRET is not set: without it anybody could talk to the bot. Make one: openssl rand -hex 32"))
	}
	if err != nil {
		err = errors.Join(err, app.CheckPlaybook(cfg.Playbook)) // all at once
		return fmt.Errorf("the settings are not right:\n  %s", strings.ReplaceAll(err.Error(), "\n", "\n  "))
	}
	if _, set := e.getenv("GOGC"); !set {
		// A few MB are alive at any time, and each webhook leaves tens of KB behind: at Go's default of 100 an eighth of the time went
		// into collecting them.
		debug.SetGCPercent(400)
	}
	a, err := app.New(e.ctx, cfg, app.Options{Log: e.log, Version: versionText()})
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w: is a bot running already? Stop what listens there, or choose another port", err)
	}
	if err != nil {
		return err
	}
	return a.Run(e.ctx)
}

type healthcheckCmd struct {
	URL string `arg:"" optional:"" help:"Where the bot listens; by default what LISTEN_ADDR or PORT says, on this machine."`
}

// Run asks /readyz.
func (h healthcheckCmd) Run(e *env) error {
	base := h.URL
	if base == "" {
		cfg, _ := config.Load(e.getenv) // other settings are no concern of this command
		host, port, err := net.SplitHostPort(cfg.ListenAddr)
		if err != nil {
			return errors.New("LISTEN_ADDR is not right, so it is not known where the bot listens")
		}
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			host = "127.0.0.1"
		}
		base = "http://" + net.JoinHostPort(host, port)
	}
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	base = strings.TrimSuffix(strings.TrimRight(base, "/"), handlers.ReadyPath)
	ctx, cancel := context.WithTimeout(e.ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+handlers.ReadyPath, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("not ready: %w", err)
	}
	defer res.Body.Close()
	var answer struct{ Status, Reason string }
	err = json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&answer)
	switch {
	case err != nil || answer.Status == "":
		return fmt.Errorf("not ready: what answers at %s is not the bot: %s", base, res.Status)
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("not ready: %s: %s", answer.Status, answer.Reason)
	}
	_, err = fmt.Fprintln(e.out, "ready")
	return err
}

// newLogger logs as LOG_LEVEL and LOG_FORMAT say. Wrong values are reported by config.
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

func settingsHelp() string {
	var b strings.Builder
	b.WriteString("Settings, from the environment:\n")
	for _, s := range config.Settings() {
		fmt.Fprintf(&b, "\n%s", s.Name)
		if s.Default != "" {
			fmt.Fprintf(&b, " (default %s)", s.Default)
		}
		fmt.Fprintf(&b, "\n  %s\n", s.Doc)
		if s.Secret {
			fmt.Fprintf(&b, "  %s_FILE may name a file that holds it instead.\n", s.Name)
		}
	}
	return b.String()
}
