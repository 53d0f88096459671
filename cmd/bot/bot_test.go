package main_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"giosgbot/config"
	"giosgbot/giosg/giosgtest"
	"giosgbot/redistest"
)

// Secrets that no output may show.
const (
	secret   = "hook-s3cr3t-value"
	password = "r3dis-p4ssw0rd"
)

const (
	greeting = "Hi! How can I help?"
	hours    = "Mon–Fri 9–17."
	book     = `name: shop
modes: [agent]
languages: [en]
greeting:
  say: "` + greeting + `"
rules:
  - name: hours
    when: {keywords: {en: [opening hours, open]}}
    say: "` + hours + `"
fallback:
  say: "Sorry, I did not get that."
`
)

func TestVersion(t *testing.T) {
	t.Parallel()
	for _, arg := range []string{"version", "--version"} {
		if got := succeeds(t, nil, arg); got != "giosg-bot "+version+"\n" {
			t.Errorf("%s: %q", arg, got)
		}
	}
}

// If any code that is linked finds methods by name, as text/template does, the linker keeps every exported method: about 10 MB. To
// find the cause, look for ReflectMethod in the output of "go build -tags grpcnotrace -ldflags=-dumpdep".
func TestProgramIsSmall(t *testing.T) {
	t.Parallel()
	s, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	if s.Size() > 22_000_000 {
		t.Errorf("the program has %d bytes", s.Size())
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--help"}, {"-h"}, {"help"}, {"serve", "--help"}, {"help", "serve"}} {
		help := succeeds(t, nil, args...)
		for _, s := range config.Settings() {
			entry := "\n" + s.Name
			if s.Default != "" {
				entry += " (default " + s.Default + ")"
			}
			if !strings.Contains(help, entry+"\n") || !strings.Contains(help, s.Doc) || s.Secret && !strings.Contains(help, s.Name+"_FILE") {
				t.Errorf("%v does not show %s, or not all of it", args, s.Name)
			}
		}
	}
	help := succeeds(t, nil, "--help")
	for _, c := range []string{"serve", "check <playbook>", "try", "deadletters", "healthcheck", "version", "help"} {
		if !strings.Contains(help, "\n  "+c) {
			t.Errorf("the command %s is not there:\n%s", c, help)
		}
	}
	for _, args := range [][]string{{"check", "--help"}, {"help", "check"}} {
		if help := succeeds(t, nil, args...); !strings.Contains(help, "<playbook>") || !strings.Contains(help, "--team") {
			t.Errorf("%v: %s", args, help)
		}
	}
	for _, args := range [][]string{{"deadletters", "retry", "--help"}, {"help", "deadletters", "retry"}} {
		if help := succeeds(t, nil, args...); !strings.Contains(help, "retry <id> ...") || !strings.Contains(help, "--url") {
			t.Errorf("%v: %s", args, help)
		}
	}
}

func TestMisuse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args []string
		say  []string
	}{
		{[]string{"chek", "shop.yaml"}, []string{`there is no command "chek"`, "serve, check", "Try: bot --help"}},
		{[]string{"chek", "--team", "Sales"}, []string{`there is no command "chek"`, "Try: bot --help"}},
		{[]string{"help", "chek"}, []string{`there is no command "chek"`, "Try: bot --help"}},
		{[]string{"help", "deadletters", "purge"}, []string{`there is no command "purge"`, "list, show, retry, drop"}},
		{[]string{"--nope"}, []string{"unknown flag --nope", "Try: bot --help"}},
		{[]string{"serve", "shop.yaml"}, []string{"unexpected argument shop.yaml", "Try: bot serve --help"}},
		{[]string{"check"}, []string{"<playbook>", "Try: bot check --help"}},
		{[]string{"deadletters", "show"}, []string{"expected <id>", "Try: bot deadletters show --help"}},
		{[]string{"deadletters", "show", "1", "2"}, []string{"unexpected argument 2"}},
		{[]string{"try", "a.yaml", "b.yaml"}, []string{"unexpected argument b.yaml", "Try: bot try --help"}},
		{[]string{"try", "--mode"}, []string{"--mode", "Try: bot try --help"}},
		{[]string{"deadletters", "--limit", "many"}, []string{"many", "--limit", "Try: bot deadletters --help"}},
		{[]string{"version", "--nope"}, []string{"unknown flag --nope", "Try: bot version --help"}},
	} {
		fails(t, 2, map[string]string{"WEBHOOK_SECRET": secret}, tt.args, tt.say...)
	}
}

func TestWrongSettings(t *testing.T) {
	t.Parallel()
	start := time.Now()
	said := fails(t, 1, map[string]string{
		"WEBHOOK_SECRET": secret, "REDIS_URL": "http://:" + password + "@h", "LISTEN_ADDR": "8080", "WORKERS": "many",
		"GIOSG_BASE_URL": "https://user:" + password + "@giosg.example", "LOG_LEVEL": "loud", "LOG_FORMAT": "xml",
		"PLAYBOOK": "nowhere/shop.yaml",
	}, []string{"serve"},
		"the settings are invalid:\n  ", "\n  REDIS_URL: must begin with redis://",
		"\n  LISTEN_ADDR is \"8080\": must be host:port or :port", "\n  WORKERS is \"many\": must be a number from 1 to 4096",
		"\n  GIOSG_BASE_URL: must be an address like", "\n  LOG_LEVEL is \"loud\": must be debug, info, warn or error",
		"\n  LOG_FORMAT is \"xml\": must be json or text", "\n  PLAYBOOK: open nowhere/shop.yaml: no such file")
	if n := strings.Count(said, "\n"); n != 8 {
		t.Errorf("%d lines:\n%s", n, said)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestMissingSecret(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{}, {"serve"}} {
		for _, env := range []map[string]string{nil, {"WEBHOOK_SECRET": ""}, {"WEBHOOK_SECRET": " , "}} {
			fails(t, 1, env, args, "WEBHOOK_SECRET is not set", "openssl rand -hex 32")
		}
	}
	said := fails(t, 1, map[string]string{"WEBHOOK_SECRET_FILE": secret}, nil, "WEBHOOK_SECRET_FILE: the file that it names cannot be read: no such file")
	if strings.Contains(said, "is not set") {
		t.Errorf("it reports one mistake twice:\n%s", said)
	}
}

// serving returns an environment in which a bot runs, with more variables as names and values.
func serving(t *testing.T, more ...string) map[string]string {
	t.Helper()
	env := map[string]string{
		"WEBHOOK_SECRET": secret, "LISTEN_ADDR": "127.0.0.1:0", "ADMIN_ADDR": "", "DATA_FILE": filepath.Join(t.TempDir(), "bot.db"),
		"GIOSG_BASE_URL": "http://127.0.0.1:1", "LOG_LEVEL": "debug", "PLAYBOOK": file(t, "shop.yaml", book),
	}
	for i := 0; i+1 < len(more); i += 2 {
		env[more[i]] = more[i+1]
	}
	return env
}

func TestPlaybookIsNotRight(t *testing.T) {
	t.Parallel()
	fails(t, 1, serving(t, "PLAYBOOK", "missing.yaml"), nil, "PLAYBOOK: open missing.yaml: no such file or directory")
	broken := file(t, "broken.yaml", strings.Replace(book, "    when:", "    wen:", 1))
	fails(t, 1, serving(t, "PLAYBOOK", broken), nil, broken+":8:", `unknown key "wen"`, "when")
	untranslated := file(t, "broken.yaml", strings.Replace(book, "[en]\ngreeting", "[en, fi]\ngreeting", 1))
	fails(t, 1, serving(t, "PLAYBOOK", untranslated), nil, untranslated+":5:", "fi")
	noYAML := file(t, "broken.yaml", "{{{")
	fails(t, 1, serving(t, "PLAYBOOK", noYAML), nil, noYAML+":1:")
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr := l.Addr().String()
	fails(t, 1, serving(t, "LISTEN_ADDR", addr), nil, "LISTEN_ADDR: ", addr, "address already in use", "is a bot running already?")
}

func TestDataFile(t *testing.T) {
	t.Parallel()
	env := serving(t)
	first := run(t, env)
	first.url()
	fails(t, 1, env, nil, "DATA_FILE: "+env["DATA_FILE"]+" is in use by another process", "REDIS_URL")
	if code := first.stop(); code != 0 { // the first bot still works
		t.Errorf("exit %d", code)
	}
	fails(t, 1, serving(t, "DATA_FILE", filepath.Join(t.TempDir(), "no", "bot.db")), nil, "DATA_FILE: ", "no such file or directory")
	fails(t, 1, serving(t, "DATA_FILE", file(t, "bot.db", book)), nil, "DATA_FILE: ", "invalid database")
}

func TestRedisUnreachable(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	env := serving(t, "REDIS_URL", "redis://:"+password+"@"+addr+"/0", "LOG_LEVEL", "info")
	said := fails(t, 1, env, nil, "REDIS_URL: ", addr, "connection refused")
	if strings.Count(said, "\n") != 1 {
		t.Errorf("more than a line:\n%s", said)
	}
	if exists(env["DATA_FILE"]) {
		t.Error("it created a DATA_FILE")
	}
}

// A Redis that accepts connections and does not answer.
func TestRedisSilent(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	fails(t, 1, serving(t, "REDIS_URL", "redis://"+l.Addr().String(), "LOG_LEVEL", "info"), nil, "REDIS_URL: ")
}

func TestRedisWrongPassword(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	if err := s.Client(t).ConfigSet(t.Context(), "requirepass", "another").Err(); err != nil {
		t.Fatal(err)
	}
	fails(t, 1, serving(t, "REDIS_URL", "redis://:"+password+"@"+s.Addr, "LOG_LEVEL", "info"), nil, "REDIS_URL: ", "WRONGPASS")
}

func TestCheck(t *testing.T) {
	t.Parallel()
	good := file(t, "good.yaml", book)
	if got := succeeds(t, nil, "check", good); !strings.HasPrefix(got, good+": ok") {
		t.Errorf("%s", got)
	}
	examples, err := filepath.Glob("../../playbooks/*.yaml")
	if err != nil || len(examples) == 0 {
		t.Fatal("no examples", err)
	}
	for i := range examples {
		if examples[i], err = filepath.Abs(examples[i]); err != nil {
			t.Fatal(err)
		}
	}
	if got := succeeds(t, nil, append([]string{"check"}, examples...)...); strings.Count(got, ": ok") != len(examples) {
		t.Errorf("%s", got)
	}
	bad := file(t, "bad.yaml", strings.Replace(book, "    when:", "    wen:", 1))
	p := run(t, nil, "check", bad, "missing.yaml", good)
	if code := p.wait(20 * time.Second); code != 1 {
		t.Errorf("exit %d", code)
	}
	for _, s := range []string{bad + ":8:", `unknown key "wen"`, "missing.yaml: no such file", good + ": ok"} {
		if !strings.Contains(p.out.String(), s) {
			t.Errorf("it does not say %q:\n%s", s, p.out)
		}
	}
}

func TestHealthcheck(t *testing.T) {
	t.Parallel()
	p := run(t, serving(t, "LISTEN_ADDR", "0.0.0.0:0"))
	url := p.url()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		env  map[string]string
		args []string
	}{
		{map[string]string{"PORT": port}, nil},
		{map[string]string{"LISTEN_ADDR": ":" + port}, nil},
		{map[string]string{"LISTEN_ADDR": "127.0.0.1:" + port, "WORKERS": "nonsense"}, nil},
		{map[string]string{"LISTEN_ADDR": "[::]:" + port}, nil},
		{nil, []string{url}},
		{nil, []string{url + "/"}},
		{nil, []string{url + "/readyz"}},
		{nil, []string{"127.0.0.1:" + port}},
	} {
		if got := succeeds(t, tt.env, append([]string{"healthcheck"}, tt.args...)...); got != "ready\n" {
			t.Errorf("%v %v: %q", tt.env, tt.args, got)
		}
	}
	if code := p.stop(); code != 0 {
		t.Errorf("exit %d", code)
	}
	check := func(url string, say ...string) {
		t.Helper()
		fails(t, 1, nil, []string{"healthcheck", url}, append(say, "not ready: ")...)
	}
	check(url, "connection refused")
	serve := func(h http.HandlerFunc) string {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return s.URL
	}
	check(serve(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(503)
		fmt.Fprint(w, `{"status":"stopping","reason":"the bot is shutting down"}`)
	}), "stopping: the bot is shutting down")
	check(serve(http.NotFound), "is not the bot")
	check(serve(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }), "is not the bot")
	fails(t, 1, map[string]string{"LISTEN_ADDR": "nonsense"}, []string{"healthcheck"}, "LISTEN_ADDR is invalid")
}

// stop sends SIGTERM, as a service manager does, and returns the exit code.
func (p *process) stop() int {
	p.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.Fatal(err)
	}
	return p.wait(10 * time.Second)
}

// world is a platform with a bot app, and the bot.
type world struct {
	*process
	p    *giosgtest.Platform
	room *giosgtest.Room
	bot  *giosgtest.Bot
}

func newWorld(t *testing.T, env map[string]string) *world {
	t.Helper()
	p := giosgtest.RunT(t, giosgtest.Options{Manners: giosgtest.Polite()})
	org := p.AddOrg("Acme")
	w := &world{p: p, room: org.AddRoom("Shop", "en"), bot: org.InstallBot("Helper Bot")}
	env["GIOSG_BASE_URL"] = p.URL()
	w.start(t, env)
	t.Cleanup(func() {
		for _, v := range p.Violations() {
			t.Errorf("violation: %+v", v)
		}
	})
	return w
}

// start runs a bot and sends giosg's webhooks to it.
func (w *world) start(t *testing.T, env map[string]string) {
	t.Helper()
	w.process = run(t, env)
	proc := w.process
	t.Cleanup(func() {
		for _, s := range []string{secret, password, "eyJ"} {
			if strings.Contains(proc.err.String()+proc.out.String(), s) {
				t.Errorf("the log shows %q", s)
			}
		}
	})
	w.hook(w.url())
}

// hook sends giosg's webhooks to this address from now on.
func (w *world) hook(url string) {
	w.bot.SetWebhooks(
		giosgtest.Webhook{URL: url + "/webhooks/pending_chats?secret=" + secret, Pattern: giosgtest.PendingChats},
		giosgtest.Webhook{URL: url + "/webhooks/messages?secret=" + secret, Pattern: giosgtest.ChatMessages},
	)
}

func (w *world) say(chat *giosgtest.Chat, text string) {
	w.Helper()
	if _, err := chat.Say(text); err != nil {
		w.Fatal(err)
	}
}

func (w *world) awaitLine(chat *giosgtest.Chat, text string) {
	w.Helper()
	if _, err := w.p.AwaitLine(w.ctx, chat, giosgtest.BotSays(text)); err != nil {
		w.Fatalf("waiting for %q: %v; said: %q", text, err, chat.Said("bot"))
	}
}

func (w *world) said(chat *giosgtest.Chat, want ...string) {
	w.Helper()
	if got := chat.Said("bot"); !slices.Equal(got, want) {
		w.Errorf("the bot said %q, want %q", got, want)
	}
}

func onEveryStore(t *testing.T, f func(t *testing.T, env map[string]string)) {
	t.Run("file", func(t *testing.T) { t.Parallel(); f(t, serving(t)) })
	t.Run("redis", func(t *testing.T) { t.Parallel(); f(t, serving(t, "REDIS_URL", redistest.Start(t).URL())) })
}

func TestAVisitorIsAnswered(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, env map[string]string) {
		w := newWorld(t, env)
		chat := w.room.OpenChat()
		w.say(chat, "When are you open?")
		w.awaitLine(chat, hours)
		w.say(chat, "blah")
		w.awaitLine(chat, "Sorry, I did not get that.")
		if code := w.stop(); code != 0 {
			t.Errorf("exit %d", code)
		}
		w.said(chat, greeting, hours, "Sorry, I did not get that.")
		if s := w.out.String(); s != "" {
			t.Errorf("on stdout: %s", s)
		}
		log := w.err.String()
		for line := range strings.Lines(log) {
			expected := strings.Contains(line, "the store can lose events") // the test's Redis writes nothing to its disk
			if !expected && (strings.Contains(line, `"level":"WARN"`) || strings.Contains(line, `"level":"ERROR"`)) {
				t.Errorf("the log complains: %s", line)
			}
		}
		for _, s := range []string{`"msg":"serving"`, `"/webhooks/`, `"msg":"stopping"`, `"msg":"stopped"`} {
			if !strings.Contains(log, strings.Trim(s, `"`)) {
				t.Errorf("the log does not say %s", s)
			}
		}
		if !strings.HasSuffix(log, "\n") || strings.Contains(log, "goroutine ") {
			t.Error("the log ends in the middle")
		}
	})
}

// A turn that is running when SIGTERM arrives ends normally.
func TestStopFinishesTheTurn(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, env map[string]string) {
		w := newWorld(t, env)
		w.p.On("POST", "chats/*/messages").Times(1).Delay(700 * time.Millisecond)
		chat := w.room.OpenChat()
		w.say(chat, "open?")
		if _, err := w.p.AwaitArrivals(w.ctx, 1, giosgtest.Matching("POST", "chats/*/messages")); err != nil {
			t.Fatal(err)
		}
		if code := w.stop(); code != 0 {
			t.Errorf("exit %d", code)
		}
		if got := chat.Said("bot"); len(got) == 0 || got[0] != greeting {
			t.Errorf("the greeting is incomplete: %q", got)
		}
		// A bot that starts afterwards sends the remaining messages, once.
		w.start(t, env)
		other := w.room.OpenChat()
		w.say(other, "open?")
		w.awaitLine(other, hours)
		w.awaitLine(chat, hours)
		if code := w.stop(); code != 0 {
			t.Errorf("exit %d", code)
		}
		w.said(chat, greeting, hours)
		w.said(other, greeting, hours)
	})
}

// A bot that is killed has accepted events. After a restart every one is answered, once.
func TestKilledAndStartedAgain(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(*giosgtest.Rule){
		"before the first word":   func(r *giosgtest.Rule) { r.HangBefore() },
		"after the first word":    func(r *giosgtest.Rule) { r.HangAfter() },
		"between the words":       func(r *giosgtest.Rule) { r.Skip(1).HangBefore() },
		"after all has been said": func(r *giosgtest.Rule) { r.Skip(1).HangAfter() },
		"before it is present":    nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEveryStore(t, func(t *testing.T, env map[string]string) {
				w := newWorld(t, env)
				method, path := "POST", "chats/*/messages"
				if fault == nil {
					method, path, fault = "GET", "clients", func(r *giosgtest.Rule) { r.HangBefore() }
				}
				rule := w.p.On(method, path)
				fault(rule)
				chat := w.room.OpenChat()
				w.say(chat, "open?")
				if err := w.p.AwaitDeliveries(w.ctx); err != nil { // all got a 2xx
					t.Fatal(err)
				}
				if err := w.p.Await(w.ctx, func() bool { return rule.Hits() > 0 }); err != nil {
					t.Fatal(err)
				}
				if err := w.cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				<-w.ended
				w.p.ClearFaults()
				w.start(t, env)
				other := w.room.OpenChat() // brings a token
				w.say(other, "open?")
				w.awaitLine(other, hours)
				w.awaitLine(chat, hours)
				if code := w.stop(); code != 0 {
					t.Errorf("exit %d", code)
				}
				w.said(chat, greeting, hours)
				w.said(other, greeting, hours)
			})
		})
	}
}

// In a terminal, Ctrl-C ends the bot.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	p := run(t, serving(t))
	p.url()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := p.wait(10 * time.Second); code != 0 {
		t.Errorf("exit %d", code)
	}
}

func TestLogFormat(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{"text": "msg=serving", "json": `"msg":"serving"`, "": `"msg":"serving"`} {
		p := run(t, serving(t, "LOG_FORMAT", format, "LOG_LEVEL", "info"))
		p.await(want)
		if code := p.stop(); code != 0 {
			t.Errorf("exit %d", code)
		}
		if strings.Contains(p.err.String(), "DEBUG") {
			t.Errorf("debug lines at info:\n%s", p.err)
		}
	}
}
