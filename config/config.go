// Package config reads the bot's settings from the environment. All problems are reported at once, in the operator's words; secrets
// are never shown.
package config

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Config is what the bot runs with. Each field's setting, default and meaning stand in the table that Settings returns.
type Config struct {
	ListenAddr     string
	AdminAddr      string // empty: no admin server
	AdminChosen    bool   // by the operator; if not, another port will do when that of the default is taken
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
	LogFormat      string // "json" or "text"
}

// Setting is one environment variable.
type Setting struct {
	Name    string
	Default string
	Doc     string // one sentence
	Secret  bool   // also readable from a file named by NAME_FILE

	set  func(*Config, string) error
	show func(Config) string
}

// Settings lists all settings, in the order of their importance.
func Settings() []Setting {
	return []Setting{
		{Name: "WEBHOOK_SECRET", Secret: true, Doc: "What giosg must send as ?secret=... or as the header X-Webhook-Secret. Several, separated by commas, are all valid, so that a secret can be changed without losing webhooks. Required.",
			set: func(c *Config, v string) error {
				for s := range strings.SplitSeq(v, ",") {
					if s = strings.TrimSpace(s); s != "" {
						c.WebhookSecrets = append(c.WebhookSecrets, s)
					}
				}
				return nil
			}, show: func(c Config) string {
				if len(c.WebhookSecrets) == 0 {
					return ""
				}
				return "(set)"
			}},
		{Name: "PLAYBOOK", Doc: "The YAML file that says what the bot says; empty is the built-in example.",
			set: text(func(c *Config) *string { return &c.Playbook }), show: func(c Config) string { return c.Playbook }},
		{Name: "REDIS_URL", Secret: true, Doc: "Where many replicas meet: redis://[user:password@]host:port/db, rediss:// for TLS, unix:///path; several hosts separated by commas are a Cluster; with ?master_name=NAME they are Sentinels. Empty: the embedded store, for one process.",
			set: func(c *Config, v string) (err error) {
				c.Redis, err = parseRedis(v)
				return err
			}, show: func(c Config) string {
				if c.Redis == nil {
					return ""
				}
				return "(set)"
			}},
		{Name: "DATA_FILE", Default: "giosg-bot.db", Doc: "The embedded store's file; unused with REDIS_URL.",
			set: text(func(c *Config) *string { return &c.DataFile }), show: func(c Config) string { return c.DataFile }},
		{Name: "LISTEN_ADDR", Default: ":8080", Doc: "Where webhooks, /healthz and /readyz are served. Without it PORT, if set, names the port.",
			set: address(func(c *Config) *string { return &c.ListenAddr }), show: func(c Config) string { return c.ListenAddr }},
		{Name: "ADMIN_ADDR", Default: "127.0.0.1:9090", Doc: "Where metrics, profiles and set-aside events are served, for operators only; empty switches it off. If it is not set and the port is taken, a free one is used and logged.",
			set: func(c *Config, v string) error {
				if v == "" {
					c.AdminAddr = ""
					return nil
				}
				return address(func(c *Config) *string { return &c.AdminAddr })(c, v)
			}, show: func(c Config) string { return cmp.Or(c.AdminAddr, "(off)") }},
		{Name: "GIOSG_BASE_URL", Default: "https://service.giosg.com", Doc: "giosg's API.",
			set: link(func(c *Config) *string { return &c.BaseURL }), show: func(c Config) string { return c.BaseURL }},
		{Name: "PUBLIC_URL", Doc: "The address under which giosg reaches this server, for the webhook URLs that are logged at the start.",
			set: link(func(c *Config) *string { return &c.PublicURL }), show: func(c Config) string { return c.PublicURL }},
		{Name: "WEBHOOK_MAX_BYTES", Default: "1048576", Doc: "The largest webhook body that is read, in bytes; a larger one is answered with 413.",
			set: count(1024, 64<<20, func(c *Config, n int64) { c.MaxBytes = n }), show: func(c Config) string { return strconv.FormatInt(c.MaxBytes, 10) }},
		{Name: "DEDUPE_TTL", Default: "48h", Doc: "How long a chat's handled message ids are remembered after the last one.",
			set: span(time.Minute, 90*24*time.Hour, func(c *Config) *time.Duration { return &c.DedupeTTL }), show: func(c Config) string { return c.DedupeTTL.String() }},
		{Name: "PRESENCE_TTL", Default: "8h", Doc: "How long one refresh keeps a bot user present; it is repeated when half of this has passed.",
			set: span(10*time.Second, 7*24*time.Hour, func(c *Config) *time.Duration { return &c.PresenceTTL }), show: func(c Config) string { return c.PresenceTTL.String() }},
		{Name: "WORKERS", Default: "128", Doc: "How many chats this process works on at once.",
			set: count(1, 4096, func(c *Config, n int64) { c.Workers = int(n) }), show: func(c Config) string { return strconv.Itoa(c.Workers) }},
		{Name: "API_TIMEOUT", Default: "5s", Doc: "How long one call of giosg's API may take.",
			set: span(100*time.Millisecond, time.Minute, func(c *Config) *time.Duration { return &c.APITimeout }), show: func(c Config) string { return c.APITimeout.String() }},
		{Name: "API_CONCURRENCY", Default: "8", Doc: "How many calls of giosg's API one bot user makes at once.",
			set: count(1, 1024, func(c *Config, n int64) { c.APIConcurrency = int(n) }), show: func(c Config) string { return strconv.Itoa(c.APIConcurrency) }},
		{Name: "LEASE", Default: "5s", Doc: "With Redis: a replica that is silent for this long has lost its chats to the others.",
			set: span(time.Second, 5*time.Minute, func(c *Config) *time.Duration { return &c.Lease }), show: func(c Config) string { return c.Lease.String() }},
		{Name: "SETTLE", Default: "2s", Doc: "How long a request whose answer was lost may still take effect in giosg; an attempt that follows waits so long before it trusts what it reads.",
			set: span(time.Millisecond, time.Minute, func(c *Config) *time.Duration { return &c.Settle }), show: func(c Config) string { return c.Settle.String() }},
		{Name: "GIVE_UP_AFTER", Default: "1h", Doc: "An event that has failed for this long is set aside.",
			set: span(time.Second, 48*time.Hour, func(c *Config) *time.Duration { return &c.GiveUpAfter }), show: func(c Config) string { return c.GiveUpAfter.String() }},
		{Name: "CATCH_UP_EVERY", Default: "5m", Doc: "How often, while webhooks come, a bot user's chats are looked through for visitors whose webhooks were lost; also at the first token after a start. 0 switches it off.",
			set: span(0, 24*time.Hour, func(c *Config) *time.Duration { return &c.CatchUpEvery }), show: func(c Config) string { return c.CatchUpEvery.String() }},
		{Name: "CATCH_UP_DELAY", Default: "5s", Doc: "How long after a bot user's token came that look begins, so that fresh webhooks go first.",
			set: span(0, 5*time.Minute, func(c *Config) *time.Duration { return &c.CatchUpDelay }), show: func(c Config) string { return c.CatchUpDelay.String() }},
		{Name: "CATCH_UP_MAX_AGE", Default: "1h", Doc: "Visitors who wrote longer ago than this are not answered by catching up.",
			set: span(time.Minute, 7*24*time.Hour, func(c *Config) *time.Duration { return &c.CatchUpMaxAge }), show: func(c Config) string { return c.CatchUpMaxAge.String() }},
		{Name: "SHUTDOWN_GRACE", Default: "6s", Doc: "How long running work may take after SIGTERM.",
			set: span(time.Millisecond, 5*time.Minute, func(c *Config) *time.Duration { return &c.ShutdownGrace }), show: func(c Config) string { return c.ShutdownGrace.String() }},
		{Name: "REDIS_PREFIX", Default: "giosgbot", Doc: "The begin of every key in Redis, for deployments that share one.",
			set: func(c *Config, v string) error {
				if v == "" || strings.ContainsAny(v, "{} \t\r\n") {
					return errors.New("must not be empty, nor hold braces or blanks")
				}
				c.RedisPrefix = v
				return nil
			}, show: func(c Config) string { return c.RedisPrefix }},
		{Name: "LOG_LEVEL", Default: "info", Doc: "debug, info, warn or error. Visitors' words are logged by debug only.",
			set: func(c *Config, v string) error {
				if err := c.LogLevel.UnmarshalText([]byte(v)); err != nil {
					return errors.New("must be debug, info, warn or error")
				}
				return nil
			}, show: func(c Config) string { return strings.ToLower(c.LogLevel.String()) }},
		{Name: "LOG_FORMAT", Doc: "json or text; empty is text on a terminal and json elsewhere.",
			set: func(c *Config, v string) error {
				if v != "" && v != "json" && v != "text" {
					return errors.New("must be json or text")
				}
				c.LogFormat = v
				return nil
			}, show: func(c Config) string { return c.LogFormat }},
	}
}

// Load reads the settings that getenv knows. An unset variable has its default; an empty one is empty, where that means something, and
// otherwise has its default too. The error lists every problem.
func Load(getenv func(string) (string, bool)) (Config, error) {
	var c Config
	var problems []error
	for _, s := range Settings() {
		v, set, err := s.lookup(getenv)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if !set || v == "" && s.Name != "ADMIN_ADDR" {
			v, set = s.Default, false
		}
		if s.Name == "ADMIN_ADDR" {
			c.AdminChosen = set
		}
		if port, ok := getenv("PORT"); s.Name == "LISTEN_ADDR" && !set && ok && port != "" {
			v = ":" + port
			if _, err := strconv.ParseUint(port, 10, 16); err != nil {
				problems = append(problems, fmt.Errorf("PORT is %q: must be a port's number", port))
				continue
			}
		}
		if v == "" && s.Name != "ADMIN_ADDR" {
			continue
		}
		if err := s.set(&c, v); err != nil {
			if s.Secret || strings.ContainsAny(v, "@?#") { // a password may be in it, or a secret pasted with a webhook's URL
				problems = append(problems, fmt.Errorf("%s: %w", s.Name, err))
			} else {
				problems = append(problems, fmt.Errorf("%s is %q: %w", s.Name, v, err))
			}
		}
	}
	return c, errors.Join(problems...)
}

// lookup finds a setting's value; that of a secret may be in a file.
func (s Setting) lookup(getenv func(string) (string, bool)) (v string, set bool, err error) {
	v, set = getenv(s.Name)
	if !s.Secret {
		return v, set, nil
	}
	file, has := getenv(s.Name + "_FILE")
	switch {
	case !has || file == "":
		return v, set, nil
	case set && v != "":
		return "", false, fmt.Errorf("%s and %s_FILE are both set: keep one", s.Name, s.Name)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		if e, ok := errors.AsType[*os.PathError](err); ok {
			err = e.Err // without the name: the secret itself is easily put in its place
		}
		return "", false, fmt.Errorf("%s_FILE: the file that it names cannot be read: %w", s.Name, err)
	}
	return strings.TrimSpace(string(b)), true, nil
}

// LogValue shows the settings that differ from their defaults, and no secret.
func (c Config) LogValue() slog.Value {
	var attrs []slog.Attr
	var defaults Config
	for _, s := range Settings() {
		if s.Default != "" {
			_ = s.set(&defaults, s.Default)
		}
		if v := s.show(c); v != s.show(defaults) && v != "" {
			attrs = append(attrs, slog.String(s.Name, v))
		}
	}
	return slog.GroupValue(attrs...)
}

// String shows what LogValue shows.
func (c Config) String() string { return c.LogValue().String() }

// MarshalJSON writes what String returns, so that a log that holds a Config somewhere inside a value shows no more.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }

// GoString is String, so that %#v shows no more.
func (c Config) GoString() string { return c.String() }

// Format keeps every other verb from showing more.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

func text(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		*field(c) = v
		return nil
	}
}

func address(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		_, port, err := net.SplitHostPort(v)
		if err != nil {
			return errors.New("must be host:port or :port")
		}
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return errors.New("must end with a port's number, 0 to 65535")
		}
		*field(c) = v
		return nil
	}
}

func link(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		u, err := url.Parse(v)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return errors.New("must be an address like https://example.com, without a user, query or fragment")
		}
		*field(c) = strings.TrimRight(v, "/")
		return nil
	}
}

func span(least, most time.Duration, field func(*Config) *time.Duration) func(*Config, string) error {
	return func(c *Config, v string) error {
		d, err := time.ParseDuration(v)
		if err != nil {
			if n, err := strconv.ParseInt(v, 10, 32); err == nil { // plain seconds, as giosg counts
				d = time.Duration(n) * time.Second
			} else {
				return errors.New("must be a time such as 30s, 5m or 48h")
			}
		}
		if d < least || d > most {
			return fmt.Errorf("must be from %s to %s", least, most)
		}
		*field(c) = d
		return nil
	}
}

func count(least, most int64, set func(*Config, int64)) func(*Config, string) error {
	return func(c *Config, v string) error {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < least || n > most {
			return fmt.Errorf("must be a number from %d to %d", least, most)
		}
		set(c, n)
		return nil
	}
}
