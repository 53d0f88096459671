package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"giosgbot/config"
)

// Secrets that no output may show.
const (
	hookSecret = "hook-s3cr3t-value"
	password   = "r3dis-p4ssw0rd"
)

func load(env map[string]string) (config.Config, error) {
	return config.Load(func(k string) (string, bool) { v, ok := env[k]; return v, ok })
}

func mustLoad(t *testing.T, env map[string]string) config.Config {
	t.Helper()
	c, err := load(env)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func noSecret(t *testing.T, where, s string) {
	t.Helper()
	for _, secret := range []string{hookSecret, password} {
		if strings.Contains(s, secret) {
			t.Errorf("%s shows a secret: %s", where, s)
		}
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "value")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	for name, env := range map[string]map[string]string{
		"nothing set": nil,
		"all empty but one": {
			"WEBHOOK_SECRET": "", "PLAYBOOK": "", "REDIS_URL": "", "DATA_FILE": "", "LISTEN_ADDR": "", "PORT": "", "GIOSG_BASE_URL": "",
			"PUBLIC_URL": "", "WEBHOOK_MAX_BYTES": "", "DEDUPE_TTL": "", "PRESENCE_TTL": "", "WORKERS": "", "API_TIMEOUT": "",
			"API_CONCURRENCY": "", "LEASE": "", "GIVE_UP_AFTER": "", "SHUTDOWN_GRACE": "", "REDIS_PREFIX": "", "LOG_LEVEL": "", "LOG_FORMAT": "",
			"WEBHOOK_SECRET_FILE": "", "REDIS_URL_FILE": "",
		},
	} {
		c := mustLoad(t, env)
		if c.ListenAddr != ":8080" || c.AdminAddr != "127.0.0.1:9090" || c.BaseURL != "https://service.giosg.com" || c.PublicURL != "" ||
			c.DataFile != "giosg-bot.db" || c.Playbook != "" || c.Redis != nil || c.RedisPrefix != "giosgbot" || c.WebhookSecrets != nil {
			t.Errorf("%s: %s", name, c)
		}
		if c.MaxBytes != 1<<20 || c.DedupeTTL != 48*time.Hour || c.PresenceTTL != 28800*time.Second || c.Workers != 128 || c.APIConcurrency != 8 ||
			c.APITimeout != 5*time.Second || c.Lease != 5*time.Second || c.GiveUpAfter != time.Hour || c.ShutdownGrace >= 10*time.Second ||
			c.ShutdownGrace <= 0 || c.LogLevel != slog.LevelInfo || c.LogFormat != "" {
			t.Errorf("%s: %s", name, c)
		}
		if shown := c.String(); shown != "[]" {
			t.Errorf("%s: the defaults are shown as if they were changed: %s", name, shown)
		}
	}
}

func TestEmptyAdminAddrSwitchesOff(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, map[string]string{"ADMIN_ADDR": ""})
	if c.AdminAddr != "" {
		t.Errorf("still %q", c.AdminAddr)
	}
	if !strings.Contains(c.String(), "ADMIN_ADDR") {
		t.Errorf("it does not show that ADMIN_ADDR is off: %s", c)
	}
}

func TestEverySettingCanBeSet(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		value string
		got   func(config.Config) any
		want  any
	}{
		"PLAYBOOK":          {"shop.yaml", func(c config.Config) any { return c.Playbook }, "shop.yaml"},
		"DATA_FILE":         {"x/y.db", func(c config.Config) any { return c.DataFile }, "x/y.db"},
		"LISTEN_ADDR":       {"[::1]:81", func(c config.Config) any { return c.ListenAddr }, "[::1]:81"},
		"PORT":              {"5000", func(c config.Config) any { return c.ListenAddr }, ":5000"},
		"ADMIN_ADDR":        {":0", func(c config.Config) any { return c.AdminAddr }, ":0"},
		"GIOSG_BASE_URL":    {"http://127.0.0.1:1/x/", func(c config.Config) any { return c.BaseURL }, "http://127.0.0.1:1/x"},
		"PUBLIC_URL":        {"https://bot.example.com/", func(c config.Config) any { return c.PublicURL }, "https://bot.example.com"},
		"WEBHOOK_MAX_BYTES": {"2048", func(c config.Config) any { return c.MaxBytes }, int64(2048)},
		"DEDUPE_TTL":        {"3h", func(c config.Config) any { return c.DedupeTTL }, 3 * time.Hour},
		"PRESENCE_TTL":      {"3600", func(c config.Config) any { return c.PresenceTTL }, time.Hour},
		"WORKERS":           {"1", func(c config.Config) any { return c.Workers }, 1},
		"API_TIMEOUT":       {"750ms", func(c config.Config) any { return c.APITimeout }, 750 * time.Millisecond},
		"API_CONCURRENCY":   {"3", func(c config.Config) any { return c.APIConcurrency }, 3},
		"LEASE":             {"2s", func(c config.Config) any { return c.Lease }, 2 * time.Second},
		"SETTLE":            {"1s", func(c config.Config) any { return c.Settle }, time.Second},
		"CATCH_UP_EVERY":    {"0", func(c config.Config) any { return c.CatchUpEvery }, time.Duration(0)},
		"CATCH_UP_DELAY":    {"10", func(c config.Config) any { return c.CatchUpDelay }, 10 * time.Second},
		"CATCH_UP_MAX_AGE":  {"2h", func(c config.Config) any { return c.CatchUpMaxAge }, 2 * time.Hour},
		"GIVE_UP_AFTER":     {"10m", func(c config.Config) any { return c.GiveUpAfter }, 10 * time.Minute},
		"SHUTDOWN_GRACE":    {"3s", func(c config.Config) any { return c.ShutdownGrace }, 3 * time.Second},
		"REDIS_PREFIX":      {"shop", func(c config.Config) any { return c.RedisPrefix }, "shop"},
		"LOG_LEVEL":         {"WARN", func(c config.Config) any { return c.LogLevel }, slog.LevelWarn},
		"LOG_FORMAT":        {"text", func(c config.Config) any { return c.LogFormat }, "text"},
	} {
		c := mustLoad(t, map[string]string{name: tt.value})
		if got := tt.got(c); got != tt.want {
			t.Errorf("%s=%s: %v", name, tt.value, got)
		}
		if name != "PORT" && !strings.Contains(c.String(), name+"=") {
			t.Errorf("%s differs from its default and is not shown: %s", name, c)
		}
	}
}

func TestListenAddrAndPort(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		env  map[string]string
		want string
	}{
		{map[string]string{"PORT": "5000"}, ":5000"},
		{map[string]string{"PORT": "5000", "LISTEN_ADDR": "127.0.0.1:81"}, "127.0.0.1:81"},
		{map[string]string{"PORT": "5000", "LISTEN_ADDR": ""}, ":5000"}, // as compose files leave it
		{map[string]string{"PORT": "", "LISTEN_ADDR": ""}, ":8080"},
		{map[string]string{"PORT": "nonsense", "LISTEN_ADDR": ":81"}, ":81"},
	} {
		if c := mustLoad(t, tt.env); c.ListenAddr != tt.want {
			t.Errorf("%v: %s", tt.env, c.ListenAddr)
		}
	}
}

func TestBadValues(t *testing.T) {
	t.Parallel()
	const (
		address = "must be host:port or :port"
		link    = "must be an address like https://example.com"
		span    = "must be a time such as 30s, 5m or 48h"
		number  = "must be a number from "
	)
	for _, tt := range []struct{ name, value, allowed string }{
		{"LISTEN_ADDR", "8080", address},
		{"LISTEN_ADDR", "localhost", address},
		{"LISTEN_ADDR", "::1:80", address},
		{"LISTEN_ADDR", ":http", "0 to 65535"},
		{"LISTEN_ADDR", ":65536", "0 to 65535"},
		{"LISTEN_ADDR", ":", "0 to 65535"},
		{"LISTEN_ADDR", ":-1", "0 to 65535"},
		{"PORT", "http", "must be a port number"},
		{"PORT", "70000", "must be a port number"},
		{"PORT", ":8080", "must be a port number"},
		{"ADMIN_ADDR", "9090", address},
		{"ADMIN_ADDR", "off", address},
		{"GIOSG_BASE_URL", "service.giosg.com", link},
		{"GIOSG_BASE_URL", "ftp://service.giosg.com", link},
		{"GIOSG_BASE_URL", "https://", link},
		{"GIOSG_BASE_URL", "https:service.giosg.com", link},
		{"GIOSG_BASE_URL", "https://user:" + password + "@service.giosg.com", link},
		{"GIOSG_BASE_URL", "https://user:" + password + "%@service.giosg.com", link},
		{"GIOSG_BASE_URL", "https://x#y", link},
		{"PUBLIC_URL", "bot.example.com", link},
		{"PUBLIC_URL", "https://bot.example.com/webhooks/messages?secret=" + hookSecret, link},
		{"WEBHOOK_MAX_BYTES", "1MiB", number + "1024 to 67108864"},
		{"WEBHOOK_MAX_BYTES", "1023", number},
		{"WEBHOOK_MAX_BYTES", "99999999999999999999", number},
		{"DEDUPE_TTL", "48 hours", span},
		{"DEDUPE_TTL", "2d", span},
		{"DEDUPE_TTL", "-1h", "must be from 1m"},
		{"DEDUPE_TTL", "59s", "must be from 1m"},
		{"DEDUPE_TTL", "1e99h", span},
		{"PRESENCE_TTL", "8", "must be from 10s"},
		{"PRESENCE_TTL", "eight", span},
		{"WORKERS", "0", number + "1 to 4096"},
		{"WORKERS", "-5", number},
		{"WORKERS", "many", number},
		{"WORKERS", "1.5", number},
		{"API_TIMEOUT", "99ms", "must be from 100ms to 1m"},
		{"API_TIMEOUT", "2m", "must be from 100ms to 1m"},
		{"API_CONCURRENCY", "0", number},
		{"LEASE", "500ms", "must be from 1s"},
		{"LEASE", "x", span},
		{"GIVE_UP_AFTER", "49h", "must be from 1s to 48h"},
		{"SHUTDOWN_GRACE", "-1s", "must be from 1ms to 5m"},
		{"SHUTDOWN_GRACE", "0", "must be from 1ms to 5m"},
		{"SHUTDOWN_GRACE", "soon", span},
		{"REDIS_PREFIX", "a{b}", "must not"},
		{"REDIS_PREFIX", "a b", "must not"},
		{"LOG_LEVEL", "loud", "must be debug, info, warn or error"},
		{"LOG_FORMAT", "xml", "must be json or text"},
		{"REDIS_URL", "localhost:6379", "must begin with redis://, rediss:// or unix://"},
		{"REDIS_URL", password, "must begin with redis://, rediss:// or unix://"},
	} {
		c, err := load(map[string]string{tt.name: tt.value})
		if err == nil {
			t.Errorf("%s=%s was accepted: %s", tt.name, tt.value, c)
			continue
		}
		if !strings.HasPrefix(err.Error(), tt.name) || !strings.Contains(err.Error(), tt.allowed) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s=%s: %v; want one line that names the variable and says %q", tt.name, tt.value, err, tt.allowed)
		}
		noSecret(t, tt.name, err.Error())
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"REDIS_URL": "http://:" + password + "@h", "LISTEN_ADDR": "x", "GIOSG_BASE_URL": "x", "WORKERS": "x", "DEDUPE_TTL": "x", "LOG_LEVEL": "x",
		"LOG_FORMAT": "x", "WEBHOOK_SECRET": hookSecret, "WEBHOOK_SECRET_FILE": "x", "PUBLIC_URL": "x", "API_TIMEOUT": "x",
	}
	_, err := load(env)
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(env)-1 { // the two variables of the webhook secret are one mistake
		t.Errorf("%d problems of %d:\n%v", len(lines), len(env)-1, err)
	}
	for name := range env {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not reported:\n%v", name, err)
		}
	}
	noSecret(t, "the error", err.Error())
}

func TestWebhookSecrets(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"one":                  "one",
		"one,two":              "one|two",
		" one , two ,, three,": "one|two|three",
		",":                    "",
		" \t":                  "",
		"a b":                  "a b",
		"päss=?&+%":            "päss=?&+%",
	} {
		c := mustLoad(t, map[string]string{"WEBHOOK_SECRET": value})
		if got := strings.Join(c.WebhookSecrets, "|"); got != want {
			t.Errorf("%q: %q", value, got)
		}
	}
}

func TestSecretsFromFiles(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, map[string]string{
		"WEBHOOK_SECRET_FILE": write(t, hookSecret+",other\n"),
		"REDIS_URL_FILE":      write(t, "redis://:"+password+"@h:1/2\n"),
		"WEBHOOK_SECRET":      "", // set and empty is not set
	})
	if strings.Join(c.WebhookSecrets, "|") != hookSecret+"|other" {
		t.Errorf("%d secrets", len(c.WebhookSecrets))
	}
	if c.Redis == nil || c.Redis.Password != password || c.Redis.DB != 2 || c.Redis.Addrs[0] != "h:1" {
		t.Error("REDIS_URL_FILE was not read")
	}
	if c := mustLoad(t, map[string]string{"REDIS_URL_FILE": write(t, "\n")}); c.Redis != nil {
		t.Error("an empty file names a Redis")
	}
	for _, tt := range []struct {
		env  map[string]string
		want string
	}{
		{map[string]string{"WEBHOOK_SECRET": hookSecret, "WEBHOOK_SECRET_FILE": write(t, "x")}, "WEBHOOK_SECRET and WEBHOOK_SECRET_FILE are both set"},
		{map[string]string{"REDIS_URL": "redis://:" + password + "@h", "REDIS_URL_FILE": write(t, "x")}, "REDIS_URL and REDIS_URL_FILE are both set"},
		{map[string]string{"WEBHOOK_SECRET_FILE": filepath.Join(t.TempDir(), "missing")}, "WEBHOOK_SECRET_FILE: "},
		{map[string]string{"WEBHOOK_SECRET_FILE": t.TempDir()}, "WEBHOOK_SECRET_FILE: "},
		// An operator may put the secret where the name of the file belongs.
		{map[string]string{"WEBHOOK_SECRET_FILE": hookSecret}, "WEBHOOK_SECRET_FILE: "},
		{map[string]string{"REDIS_URL_FILE": "redis://:" + password + "@h:1"}, "REDIS_URL_FILE: "},
		{map[string]string{"REDIS_URL_FILE": write(t, "http://:"+password+"@h:1")}, "REDIS_URL"},
	} {
		_, err := load(tt.env)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%v: %v", tt.env, err)
			continue
		}
		noSecret(t, tt.want, err.Error())
	}
}

// A Config that is printed by mistake shows no secret.
func TestNothingSecretIsShown(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, map[string]string{"WEBHOOK_SECRET": hookSecret + ",b", "REDIS_URL": "rediss://user:" + password + "@h:1"})
	alone := mustLoad(t, map[string]string{"WEBHOOK_SECRET": hookSecret})
	type holder struct {
		C config.Config
		P *config.Config
	}
	for _, v := range []any{c, &c, []config.Config{c}, map[string]config.Config{"c": c}, holder{c, &c}, holder{C: alone}, &alone} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t"} {
			shown := fmt.Sprintf(verb, v)
			noSecret(t, verb, shown)
			noSecret(t, verb, fmt.Sprintf("%q", fmt.Sprintf(verb, v)))
			if verb == "%x" && strings.Contains(shown, fmt.Sprintf("%x", password)) {
				t.Errorf("%%x shows a secret: %s", shown)
			}
		}
		var b bytes.Buffer
		o := &slog.HandlerOptions{Level: slog.LevelDebug}
		for _, h := range []slog.Handler{slog.NewTextHandler(&b, o), slog.NewJSONHandler(&b, o)} {
			log := slog.New(h)
			log.Info("x", "settings", v)
			log.With("settings", v).WithGroup("g").Debug("x", slog.Group("h", "settings", v))
		}
		if j, err := json.Marshal(v); err == nil {
			b.Write(j)
		}
		noSecret(t, "the log", b.String())
	}
	if s := c.String(); !strings.Contains(s, "WEBHOOK_SECRET=(set)") || !strings.Contains(s, "REDIS_URL=(set)") {
		t.Errorf("it does not show that they are set: %s", s)
	}
	var b bytes.Buffer
	slog.New(slog.NewJSONHandler(&b, nil)).Info("serving", "settings", c)
	if !strings.Contains(b.String(), `"settings":{"WEBHOOK_SECRET":"(set)","REDIS_URL":"(set)"}`) {
		t.Errorf("logged as %s", b.String())
	}
}

func TestSettingsDescribeThemselves(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range config.Settings() {
		if seen[s.Name] || s.Name == "" || !strings.HasSuffix(s.Doc, ".") || strings.Contains(s.Doc, "\n") {
			t.Errorf("%s: %q", s.Name, s.Doc)
		}
		seen[s.Name] = true
		if s.Default == "" {
			continue
		}
		if _, err := load(map[string]string{s.Name: s.Default}); err != nil {
			t.Errorf("the default is refused: %v", err)
		}
	}
	for _, name := range []string{
		"LISTEN_ADDR", "ADMIN_ADDR", "WEBHOOK_SECRET", "GIOSG_BASE_URL", "REDIS_URL", "DATA_FILE", "WEBHOOK_MAX_BYTES", "DEDUPE_TTL",
		"PRESENCE_TTL", "PLAYBOOK", "LOG_LEVEL", "LOG_FORMAT",
	} {
		if !seen[name] {
			t.Errorf("there is no %s", name)
		}
	}
}
