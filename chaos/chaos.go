//go:build unix

// Package chaos proves that no visitor is forgotten and none is answered twice, whatever dies. It starts redis-server and replicas of the
// bot as processes, puts the stand-in for the platform at its rudest before them, sends a crowd of visitors, and meanwhile kills, freezes,
// wipes, cuts, stalls and throttles. Then it reads every chat and counts. All the while it asks each replica for its metrics and its status
// page, and believes neither.
//
// It refuses to use any address but loopback, to run longer than it was told, and to leave a process behind.
package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"giosgbot/giosg/giosgtest"
)

// Options are the settings of a run. The zero value of each means its default.
type Options struct {
	Seed     uint64        // makes the crowd, the schedule of faults and the platform's dice repeatable; 0: from the clock
	For      time.Duration // how long faults happen; default 2 min. The calm after it takes up to Calm more
	Calm     time.Duration // how long the bot may take to answer everybody when the faults have stopped; default 90 s
	Replicas int           // default 2; 1 with a file
	Chats    int           // default: 4 for each second of For
	File     bool          // the embedded store instead of Redis
	Bot      string        // the bot's binary; empty: it is built
	Race     bool          // build it with the race detector
	Dir      string        // where logs, and transcripts of chats that went wrong, are kept; must exist
	Progress io.Writer     // is told what happens; may be nil
}

// The bot's settings. They are shorter than the defaults, so that two minutes see what takes an hour otherwise, and keep their order:
// what was sent takes effect within settle, and a lease ends long before that.
const (
	secret  = "a-secret-of-the-chaos"
	lease   = 2 * time.Second
	settle  = 3 * time.Second
	latest  = 2600 * time.Millisecond // how late what was sent may take effect
	timeout = time.Second
	grace   = 1500 * time.Millisecond
	search  = 6 * time.Second // how often catching up looks
)

// org is an organization with the bot installed.
type org struct {
	*giosgtest.Org
	modes             string
	greeter, sidekick bool
	bot               *giosgtest.Bot
	human             *giosgtest.User
	rooms             map[string]*giosgtest.Room
}

// replica is a process of the bot with its links.
type replica struct {
	*process
	listen, admin    string
	file             string // of the embedded store
	door, api, redis *link  // redis is nil with a file
	logFile          string
}

// world is all that takes part in a run.
type world struct {
	Options
	p        *giosgtest.Platform
	orgs     []*org
	late     *late
	moods    *moods
	replicas []*replica
	store    *store          // nil with a file
	storm    context.Context // ends when the faults stop
	begun    time.Time
	closers  []func()

	mu      sync.Mutex
	talks   []*talk // guarded by mu
	events  []event // guarded by mu
	windows []wait  // when a fault was at work; guarded by mu

	looks, missed int      // at the figures of replicas, and those that were not answered; guarded by mu
	lies          []string // what replicas said that is not so; guarded by mu
	echoes        int64    // webhooks that were counted one by one; guarded by mu
}

// event is something that was done to the bot.
type event struct {
	At   time.Time
	Kind string
	What string
}

// Run lets chaos reign and returns what came of it. An error means that the run itself failed; what the bot did wrong is in the result.
func Run(ctx context.Context, o Options) (*Result, error) {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&o.For, 2*time.Minute)
	def(&o.Calm, 90*time.Second)
	if o.Seed == 0 {
		o.Seed = uint64(time.Now().UnixNano()) % 1_000_000
	}
	if o.Replicas <= 0 {
		o.Replicas = 2
	}
	if o.File {
		o.Replicas = 1
	}
	if o.Chats <= 0 {
		o.Chats = max(8, int(4*o.For.Seconds()))
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	o.Dir = filepath.Join(o.Dir, fmt.Sprintf("seed-%d", o.Seed))
	if err := errors.Join(os.RemoveAll(o.Dir), os.MkdirAll(o.Dir, 0o700)); err != nil {
		return nil, err
	}
	w := &world{Options: o}
	defer w.close()
	if err := w.build(ctx); err != nil {
		return nil, err
	}
	return w.live(ctx)
}

func (w *world) close() {
	for i := len(w.closers) - 1; i >= 0; i-- {
		w.closers[i]()
	}
}

// build starts everything.
func (w *world) build(ctx context.Context) error {
	bot := w.Bot
	if bot == "" {
		bot = filepath.Join(w.Dir, "bot")
		args := []string{"build", "-o", bot}
		if w.Race {
			args = append(args, "-race")
		}
		w.say("building the bot")
		if out, err := exec.CommandContext(ctx, "go", append(args, "giosgbot/cmd/bot")...).CombinedOutput(); err != nil {
			return fmt.Errorf("building the bot: %w\n%s", err, out)
		}
	}
	if err := w.buildPlatform(); err != nil {
		return err
	}
	pack, err := newPack()
	if err != nil {
		return err
	}
	w.closers = append(w.closers, pack.close)
	if !w.File {
		if w.store, err = newStore(pack, w.Dir); err != nil {
			return err
		}
		w.closers = append(w.closers, func() { _ = w.store.client.Close() })
		if err := w.store.up(ctx); err != nil {
			return err
		}
	}
	playbook := filepath.Join(w.Dir, "playbook.yaml")
	if err := os.WriteFile(playbook, []byte(book(w.orgs)), 0o600); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, bot, "check", playbook).CombinedOutput(); err != nil {
		return fmt.Errorf("the playbook is not right: %w\n%s", err, out)
	}
	upstream, stop, err := serve(w.late)
	if err != nil {
		return err
	}
	w.closers = append(w.closers, stop)
	for i := range w.Replicas {
		r, err := w.newReplica(pack, i+1, bot, playbook, upstream)
		if err != nil {
			return err
		}
		w.replicas = append(w.replicas, r)
		w.closers = append(w.closers, func() { r.end(syscall.SIGKILL, 5*time.Second) })
		if err := r.run(); err != nil {
			return err
		}
	}
	if err := w.hook(); err != nil {
		return err
	}
	for _, r := range w.replicas {
		if err := until(ctx, 30*time.Second, r.name+" is not ready", func() error { return r.ready(ctx) }); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) buildPlatform() error {
	w.p = giosgtest.New(giosgtest.Options{Seed: w.Seed, Manners: w.rude(), PageSize: 10, Keep: 2_000_000})
	w.closers = append(w.closers, w.p.Close)
	w.moods = &moods{dice: newDice(w.Seed, 2), in: map[*mood]bool{}}
	w.p.SetFault(w.moods.fault)
	w.late = &late{api: w.p.Handler(), dice: newDice(w.Seed, 3), most: latest}
	for _, o := range []*org{
		{modes: "agent"},
		{modes: "agent, greeter", greeter: true},
		{modes: "agent, sidekick", sidekick: true},
	} {
		o.Org = w.p.AddOrg([]string{"Acme", "Bolt", "Cord"}[len(w.orgs)])
		o.rooms = map[string]*giosgtest.Room{}
		for _, l := range languages {
			o.rooms[l] = o.AddRoom("Room "+l, l)
		}
		o.human = o.AddHuman("Hanna")
		o.bot = o.InstallBot("Helper Bot")
		w.orgs = append(w.orgs, o)
	}
	return nil
}

// rude is how the platform behaves while faults happen.
func (w *world) rude() *giosgtest.Manners {
	m := giosgtest.Rude()
	m.Drop, m.LagAPI, m.Timeout = 0.005, 40*time.Millisecond, 2500*time.Millisecond
	m.Fail429 = 0.003 // each holds up a whole bot user for a second; there are storms of them besides
	return m
}

func (w *world) newReplica(p *pack, n int, bot, playbook, upstream string) (*replica, error) {
	name := fmt.Sprintf("replica-%d", n)
	r := &replica{logFile: filepath.Join(w.Dir, name+".log")}
	log, err := os.Create(r.logFile)
	if err != nil {
		return nil, err
	}
	w.closers = append(w.closers, func() { _ = log.Close() })
	links := []struct {
		of   **link
		name string
		to   string
	}{{&r.api, name + " to the API", upstream}}
	if r.listen, err = freeAddr(); err != nil {
		return nil, err
	}
	if r.admin, err = freeAddr(); err != nil {
		return nil, err
	}
	links = append(links, struct {
		of   **link
		name string
		to   string
	}{&r.door, "webhooks to " + name, r.listen})
	if w.store != nil {
		links = append(links, struct {
			of   **link
			name string
			to   string
		}{&r.redis, name + " to Redis", w.store.addr})
	}
	for _, l := range links {
		made, err := newLink(l.name, l.to)
		if err != nil {
			return nil, err
		}
		*l.of = made
		w.closers = append(w.closers, made.close)
	}
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "GORACE=halt_on_error=0",
		"WEBHOOK_SECRET=" + secret, "PLAYBOOK=" + playbook, "LISTEN_ADDR=" + r.listen, "ADMIN_ADDR=" + r.admin,
		"GIOSG_BASE_URL=http://" + r.api.addr, "LOG_LEVEL=debug", "LOG_FORMAT=json",
		"LEASE=" + lease.String(), "SETTLE=" + settle.String(), "API_TIMEOUT=" + timeout.String(), "SHUTDOWN_GRACE=" + grace.String(),
		"CATCH_UP_EVERY=" + search.String(), "CATCH_UP_DELAY=800ms", "PRESENCE_TTL=40s",
	}
	if w.store != nil {
		env = append(env, "REDIS_URL=redis://"+r.redis.addr+"/0")
	} else {
		r.file = filepath.Join(w.Dir, name+".db")
		env = append(env, "DATA_FILE="+r.file)
	}
	r.process = &process{pack: p, name: name, args: []string{bot, "serve"}, env: env, log: log}
	return r, nil
}

// ready asks as the balancer of a real deployment does.
func (r *replica) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.listen+"/readyz", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return errors.New(res.Status)
	}
	return nil
}

// hook tells the platform where webhooks go.
func (w *world) hook() error {
	var doors []*link
	for _, r := range w.replicas {
		doors = append(doors, r.door)
	}
	addr, stop, err := serve(newBalancer(doors, newDice(w.Seed, 4), 2*time.Second))
	if err != nil {
		return err
	}
	w.closers = append(w.closers, stop)
	at := func(path string) string { return "http://" + addr + "/webhooks/" + path + "?secret=" + secret }
	for _, o := range w.orgs {
		hooks := []giosgtest.Webhook{
			{URL: at("pending_chats"), Pattern: giosgtest.PendingChats},
			{URL: at("messages"), Pattern: giosgtest.ChatMessages},
		}
		if o.greeter {
			hooks = append(hooks, giosgtest.Webhook{URL: at("routed_chats"), Pattern: giosgtest.RoutedChats})
		}
		if o.sidekick {
			hooks = append(hooks, giosgtest.Webhook{URL: at("messages"), Pattern: giosgtest.RoutedChatMessages})
		}
		o.bot.SetWebhooks(hooks...)
	}
	return nil
}
