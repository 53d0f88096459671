package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"giosgbot/config"
	"giosgbot/handlers"
)

func healthcheckCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "healthcheck [<url>]",
		Short: "Ask a running bot whether it is ready. The exit code is 0 if it is.",
		Long:  "<url> is the bot's address. The default is LISTEN_ADDR or PORT on this machine.",
		Args:  atMostOne,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			var url string
			if len(args) > 0 {
				url = args[0]
			} else if url, err = ownURL(e); err != nil {
				return err
			}
			return healthcheck(cmd.Context(), e, url)
		},
	}
}

// ownURL returns the URL at which a bot with these settings listens.
func ownURL(e *env) (string, error) {
	cfg, _ := config.Load(e.getenv) // mistakes in other settings do not matter here
	host, port, err := net.SplitHostPort(cfg.ListenAddr)
	if err != nil {
		return "", errors.New("LISTEN_ADDR is invalid, so the bot's address is not known")
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port), nil
}

// healthcheck asks the bot at a URL whether it is ready.
func healthcheck(ctx context.Context, e *env, url string) error {
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	url = strings.TrimSuffix(strings.TrimRight(url, "/"), handlers.ReadyPath)
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+handlers.ReadyPath, nil)
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
		return fmt.Errorf("not ready: the server at %s is not the bot: %s", url, res.Status)
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("not ready: %s: %s", answer.Status, answer.Reason)
	}
	_, err = fmt.Fprintln(e.out, "ready")
	return err
}
