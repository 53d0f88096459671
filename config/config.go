// Package config reads the bot's settings from environment variables. It reports all mistakes at once, and never shows a secret.
package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
)

// Config holds the bot's settings. Settings describes the variable behind each field.
type Config struct {
	ListenAddr     string
	AdminAddr      string // empty: no admin server
	AdminChosen    bool   // ADMIN_ADDR is set; if not, another port will do when the default one is taken
	WebhookSecrets []string
	BaseURL        string
	PublicURL      string
	Redis          *redis.UniversalOptions // nil: the embedded store
	RedisPrefix    string
	DataFile       string
	Playbook       string // empty: the built-in example
	MaxBytes       int64
	DedupeTTL      time.Duration
	PresenceTTL    time.Duration
	Workers        int
	APITimeout     time.Duration
	APIConcurrency int
	Lease          time.Duration
	Settle         time.Duration
	GiveUpAfter    time.Duration
	CatchUpEvery   time.Duration
	CatchUpDelay   time.Duration
	CatchUpMaxAge  time.Duration
	ShutdownGrace  time.Duration
	LogLevel       slog.Level
	LogFormat      string // "json", "text" or empty
}

// Load reads the settings through getenv, which works like os.LookupEnv. A variable that is empty or not set means the default, except
// that an empty ADMIN_ADDR switches the admin server off. The error joins all mistakes, one line each.
func Load(getenv func(string) (string, bool)) (Config, error) {
	var c Config
	var mistakes []error
	for _, s := range settings(&c) {
		if err := s.load(getenv); err != nil {
			mistakes = append(mistakes, err)
		}
	}
	_, c.AdminChosen = getenv("ADMIN_ADDR")
	return c, errors.Join(mistakes...)
}

// LogValue returns the settings that differ from their defaults, without secrets.
func (c Config) LogValue() slog.Value {
	standard, _ := Load(func(string) (string, bool) { return "", false })
	standards := settings(&standard)
	var attrs []slog.Attr
	for i, s := range settings(&c) {
		v := s.value.String()
		if v == standards[i].value.String() {
			continue
		}
		if v == "" && s.emptyIsOff {
			v = "(off)"
		}
		if v != "" {
			attrs = append(attrs, slog.String(s.Name, v))
		}
	}
	return slog.GroupValue(attrs...)
}

// String returns what LogValue returns, as text.
func (c Config) String() string { return c.LogValue().String() }

// MarshalJSON encodes String, so that a log shows no secret when a Config is part of a larger value.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }

// GoString returns String, so that %#v shows no secret.
func (c Config) GoString() string { return c.String() }

// Format writes String for every verb, so that none shows a secret.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }
