package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// Setting is one environment variable.
type Setting struct {
	Name    string
	Default string
	Doc     string // one or more sentences, for help texts and the README
	Secret  bool   // the value may also be in a file that NAME_FILE names

	value      value    // the field of Config that it sets
	emptyIsOff bool     // an empty variable switches something off; otherwise it means the default
	or         *Setting // is used if this one is not set
}

// Settings lists all settings, the most important ones first.
func Settings() []Setting { return settings(new(Config)) }

const day = 24 * time.Hour

// settings returns all settings, bound to the fields of c.
func settings(c *Config) []Setting {
	return slices.Concat(connections(c), limits(c), times(c), others(c))
}

// connections are the settings of addresses, files and secrets.
func connections(c *Config) []Setting {
	return []Setting{
		{
			Name: "WEBHOOK_SECRET", Secret: true, value: secrets{&c.WebhookSecrets},
			Doc: "The secret that giosg must send, as ?secret=... in the webhook's URL or in the header X-Webhook-Secret. " +
				"Several secrets, separated by commas, are all valid, so that a secret can be changed without losing webhooks. Required.",
		},
		{
			Name: "PLAYBOOK", value: text{&c.Playbook},
			Doc: "The YAML file of the playbook. Empty means the built-in example.",
		},
		{
			Name: "REDIS_URL", Secret: true, value: redisURL{&c.Redis},
			Doc: "The Redis that all replicas share: redis://[user:password@]host:port/db, rediss:// for TLS, or unix:///path. " +
				"Several hosts, separated by commas, are a Cluster; with ?master_name=NAME they are Sentinels. " +
				"Empty means the embedded store, for a single process.",
		},
		{
			Name: "DATA_FILE", Default: "giosg-bot.db", value: text{&c.DataFile},
			Doc: "The file of the embedded store. Not used with REDIS_URL.",
		},
		{
			Name: "LISTEN_ADDR", Default: ":8080", value: address{&c.ListenAddr}, or: &Setting{Name: "PORT", value: port{&c.ListenAddr}},
			Doc: "The address that serves webhooks, /healthz and /readyz. If it is not set and PORT is, PORT is the port.",
		},
		{
			Name: "ADMIN_ADDR", Default: "127.0.0.1:9090", value: address{&c.AdminAddr}, emptyIsOff: true,
			Doc: "The address that serves the status page, metrics, profiles and dead letters, for operators only. Empty switches it off. " +
				"If it is not set and the default port is taken, the bot uses a free port and logs it.",
		},
		{
			Name: "GIOSG_BASE_URL", Default: "https://service.giosg.com", value: link{&c.BaseURL},
			Doc: "The base URL of giosg's API.",
		},
		{
			Name: "PUBLIC_URL", value: link{&c.PublicURL},
			Doc: "The URL at which giosg reaches this server. The bot uses it in the webhook URLs that it logs at the start.",
		},
	}
}

// limits are the settings of sizes, numbers and the time that something is kept.
func limits(c *Config) []Setting {
	return []Setting{
		{
			Name: "WEBHOOK_MAX_BYTES", Default: "1048576", value: count[int64]{&c.MaxBytes, 1024, 64 << 20},
			Doc: "The largest webhook body in bytes. A larger one is refused with status 413.",
		},
		{
			Name: "DEDUPE_TTL", Default: "48h", value: span{&c.DedupeTTL, time.Minute, 90 * day},
			Doc: "How long a chat's handled message ids are kept after the last one.",
		},
		{
			Name: "PRESENCE_TTL", Default: "8h", value: span{&c.PresenceTTL, 10 * time.Second, 7 * day},
			Doc: "How long one refresh keeps a bot user present. The bot refreshes after half of this time.",
		},
		{
			Name: "WORKERS", Default: "128", value: count[int]{&c.Workers, 1, 4096},
			Doc: "How many chats this process handles at the same time.",
		},
		{
			Name: "API_TIMEOUT", Default: "5s", value: span{&c.APITimeout, 100 * time.Millisecond, time.Minute},
			Doc: "The time-out of a call to giosg's API.",
		},
		{
			Name: "API_CONCURRENCY", Default: "8", value: count[int]{&c.APIConcurrency, 1, 1024},
			Doc: "How many calls to giosg's API one bot user makes at the same time.",
		},
	}
}

// times are the settings of retries, sweeps and the end.
func times(c *Config) []Setting {
	return []Setting{
		{
			Name: "LEASE", Default: "5s", value: span{&c.Lease, time.Second, 5 * time.Minute},
			Doc: "Only with Redis: if a replica has not renewed its leases for this long, other replicas take over its chats.",
		},
		{
			Name: "SETTLE", Default: "2s", value: span{&c.Settle, time.Millisecond, time.Minute},
			Doc: "How long a request that got no answer may still take effect at giosg. " +
				"The next attempt waits this long before it relies on what it reads.",
		},
		{
			Name: "GIVE_UP_AFTER", Default: "1h", value: span{&c.GiveUpAfter, time.Second, 2 * day},
			Doc: "An event that has failed for this long becomes a dead letter.",
		},
		{
			Name: "CATCH_UP_EVERY", Default: "5m", value: span{&c.CatchUpEvery, 0, day},
			Doc: "How often the bot sweeps a bot user's chats for visitors whose webhooks were lost. " +
				"It sweeps while webhooks arrive, and when the first token arrives after a start. 0 switches sweeps off.",
		},
		{
			Name: "CATCH_UP_DELAY", Default: "5s", value: span{&c.CatchUpDelay, 0, 5 * time.Minute},
			Doc: "How long after the arrival of a bot user's token a sweep begins, so that new webhooks are handled first.",
		},
		{
			Name: "CATCH_UP_MAX_AGE", Default: "1h", value: span{&c.CatchUpMaxAge, time.Minute, 7 * day},
			Doc: "A sweep does not answer messages that are older than this.",
		},
		{
			Name: "SHUTDOWN_GRACE", Default: "6s", value: span{&c.ShutdownGrace, time.Millisecond, 5 * time.Minute},
			Doc: "How long running turns may take after SIGTERM.",
		},
	}
}

func others(c *Config) []Setting {
	return []Setting{
		{
			Name: "REDIS_PREFIX", Default: "giosgbot", value: prefix{&c.RedisPrefix},
			Doc: "The prefix of every key in Redis, for deployments that share one Redis.",
		},
		{
			Name: "LOG_LEVEL", Default: "info", value: level{&c.LogLevel},
			Doc: "debug, info, warn or error. Visitors' messages are logged only at debug.",
		},
		{
			Name: "LOG_FORMAT", value: logFormat{&c.LogFormat},
			Doc: "json or text. Empty means text on a terminal and json elsewhere.",
		},
	}
}

// load sets the field to the variable's value, or to the default.
func (s Setting) load(getenv func(string) (string, bool)) error {
	v, set, err := s.lookup(getenv)
	if err != nil {
		return err
	}
	if v == "" && s.or != nil {
		if other, _ := getenv(s.or.Name); other != "" {
			return s.or.load(getenv)
		}
	}
	if v == "" && !(set && s.emptyIsOff) {
		v = s.Default
	}
	if v == "" {
		return nil
	}
	err = s.value.Set(v)
	switch {
	case err == nil:
		return nil
	case s.Secret || strings.ContainsAny(v, "@?#"): // there may be a password in it, or the secret of a webhook's URL
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	return fmt.Errorf("%s is %q: %w", s.Name, v, err)
}

// lookup returns the variable's value. That of a secret may be in a file.
func (s Setting) lookup(getenv func(string) (string, bool)) (v string, set bool, err error) {
	v, set = getenv(s.Name)
	if !s.Secret {
		return v, set, nil
	}
	file, _ := getenv(s.Name + "_FILE")
	switch {
	case file == "":
		return v, set, nil
	case v != "":
		return "", false, fmt.Errorf("%s and %s_FILE are both set: keep one", s.Name, s.Name)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		if e, ok := errors.AsType[*os.PathError](err); ok {
			err = e.Err // without the path: an operator may have put the secret itself there
		}
		return "", false, fmt.Errorf("%s_FILE: the file that it names cannot be read: %w", s.Name, err)
	}
	return strings.TrimSpace(string(b)), true, nil
}
