//go:build unix

// Package chaos tests that no visitor is forgotten and none is answered twice, whatever fails. It starts redis-server and replicas of the
// bot as processes, puts the stand-in for the platform in front of them, and sends visitors. Meanwhile it kills, freezes, wipes, cuts,
// stalls, throttles and refuses. Then it reads every chat and counts.
//
// A run has four parts. In the storm faults happen. In the calm they have stopped, and the bot must answer everybody in time. In the
// tenants' part one organization is slow or throttled, and the others must not notice. In the echo old webhooks come once more, and
// nobody may be answered again. All the while the package polls the metrics and the status page of each replica and checks them too.
//
// A verdict rests on the platform's records and on the traffic between the platform and the replicas. What a replica logs is used only for
// the story of a chat that went wrong.
//
// The package uses loopback addresses only, does not run longer than it was told, and leaves no process behind.
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
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"giosgbot/giosg/giosgtest"
)

// Options are the settings of a run. The zero value of each means its default.
type Options struct {
	Seed     uint64        // makes visitors, the schedule of faults and the platform's random failures repeatable; 0: from the clock
	For      time.Duration // how long the storm lasts; default 2 min
	Calm     time.Duration // how long the bot may take to answer everybody after the storm; default 3 min
	Replicas int           // default 2; 1 with a file
	Chats    int           // default: 4 for each second of For
	File     bool          // the embedded store instead of Redis
	Bot      string        // the bot's binary; empty: it is built
	Old      string        // an earlier version's binary; replicas then change between both
	Race     bool          // build the bot with the race detector
	Only     []string      // these troubles; empty means all
	Without  []string      // not these troubles
	Sweeps   bool          // the bot sweeps, and events may be lost for good; otherwise each event must be worked from its own webhook
	Sabotage string        // build a bot with this defect; see Sabotages
	Dir      string        // where logs, and transcripts of chats that went wrong, are kept; must exist
	Progress io.Writer     // gets a line for whatever happens; may be nil
}

// The bot's settings. They are shorter than the defaults, so that minutes show what takes hours otherwise. Their order is the same:
// whatever was sent takes effect within settle, and a lease ends long before that.
const (
	secret  = "a-secret-of-the-chaos"
	lease   = 2 * time.Second
	settle  = 3 * time.Second
	latest  = 2600 * time.Millisecond // the longest time until a late change takes effect
	timeout = time.Second
	grace   = 1500 * time.Millisecond
	sweep   = 6 * time.Second // the time between sweeps
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
	n             int // its number, from 1
	listen, admin string
	file          string // of the embedded store
	hooks, api    *link
	redis         []*link // to each server; none with a file
	logFile       string
}

// world is all that takes part in a run.
type world struct {
	Options
	chosen    map[string]bool // troubles
	skew      time.Duration   // of the platform's clock
	p         *giosgtest.Platform
	orgs      []*org
	late      *late
	edge      *edge
	apiFaults *apiFaults
	replicas  []*replica
	store     *store          // nil with a file
	storm     context.Context // ends when the faults stop
	begun     time.Time
	closers   []func()
	playbook  string // file

	mu           sync.Mutex
	talks        []*talk     // guarded by mu
	events       []event     // guarded by mu
	windows      []wait      // when a fault was active; guarded by mu
	edition      edition     // of the playbook; guarded by mu
	editions     []edition   // all of them; guarded by mu
	teamsRefused atomic.Bool // a question about teams got an odd answer

	polls, missed int      // polls of replicas' figures, and those without an answer; guarded by mu
	untrue        []string // wrong figures of replicas; guarded by mu
	dead          int      // the most dead letters at a time; guarded by mu
	echoes        int64    // webhooks that were counted one by one; guarded by mu
	tenants       []tenancy
}

// edition is a version of the playbook and when it was written.
type edition struct {
	n  int
	at time.Time
}

// event is something that was done to the bot.
type event struct {
	At   time.Time
	Kind string
	What string
}

// Run runs the bot through all troubles and returns the verdict. An error means that the run itself failed; what the bot did wrong is in
// the result.
func Run(ctx context.Context, o Options) (*Result, error) {
	o = o.withDefaults()
	chosen, err := choose(o)
	if err != nil {
		return nil, err
	}
	o.Dir = filepath.Join(o.Dir, fmt.Sprintf("seed-%d", o.Seed))
	if err := errors.Join(os.RemoveAll(o.Dir), os.MkdirAll(filepath.Join(o.Dir, "data"), 0o700)); err != nil {
		return nil, err
	}
	w := &world{Options: o, chosen: chosen, edge: newEdge(), playbook: filepath.Join(o.Dir, "data", "playbook.yaml")}
	defer w.close()
	if err := w.build(ctx); err != nil {
		return nil, err
	}
	return w.live(ctx)
}

func (o Options) withDefaults() Options {
	if o.For <= 0 {
		o.For = 2 * time.Minute
	}
	if o.Calm <= 0 {
		o.Calm = 3 * time.Minute
	}
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
	return o
}

func (w *world) close() {
	for i := len(w.closers) - 1; i >= 0; i-- {
		w.closers[i]()
	}
}

// build starts everything.
func (w *world) build(ctx context.Context) error {
	bot, err := w.buildBot(ctx)
	if err != nil {
		return err
	}
	w.buildPlatform()
	pack, err := newPack()
	if err != nil {
		return err
	}
	w.closers = append(w.closers, pack.close)
	if !w.File {
		if w.store, err = newStore(pack, w.Dir, w.on(failedOver)); err != nil {
			return err
		}
		w.closers = append(w.closers, w.store.close)
		if err := w.store.up(ctx); err != nil {
			return err
		}
	}
	if err := os.WriteFile(w.playbook, []byte(book(w.orgs, 0)), 0o600); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, bot, "check", w.playbook).CombinedOutput(); err != nil {
		return fmt.Errorf("the playbook is not right: %w\n%s", err, out)
	}
	if err := w.startReplicas(pack, bot); err != nil {
		return err
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

// buildBot returns the bot's binary.
func (w *world) buildBot(ctx context.Context) (string, error) {
	if w.Bot != "" && w.Sabotage == "" {
		return w.Bot, nil
	}
	bot := filepath.Join(w.Dir, "bot")
	args := []string{"build", "-o", bot}
	if w.Race {
		args = append(args, "-race")
	}
	if w.Sabotage != "" {
		overlay, err := sabotage(ctx, w.Sabotage, w.Dir)
		if err != nil {
			return "", err
		}
		args = append(args, "-overlay", overlay)
	}
	w.say("building the bot")
	if out, err := exec.CommandContext(ctx, "go", append(args, "giosgbot/cmd/bot")...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the bot: %w\n%s", err, out)
	}
	return bot, nil
}

func (w *world) startReplicas(pack *pack, bot string) error {
	for i := range w.Replicas {
		r, err := w.newReplica(pack, i+1, bot)
		if err != nil {
			return err
		}
		w.replicas = append(w.replicas, r)
		w.closers = append(w.closers, func() { r.end(syscall.SIGKILL, 5*time.Second) })
		if err := r.run(); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) buildPlatform() {
	w.p = giosgtest.New(giosgtest.Options{Seed: w.Seed, Manners: w.rude(), PageSize: 10, Keep: 2_000_000})
	w.closers = append(w.closers, w.p.Close)
	if w.on(clockSkew) {
		w.skew = []time.Duration{-7 * time.Second, -3 * time.Second, 4 * time.Second, 8 * time.Second}[w.Seed/2%4]
		w.p.Advance(w.skew)
		w.note(clockSkew, "the platform's clock is %s ahead", w.skew)
	}
	w.apiFaults = &apiFaults{dice: newDice(w.Seed, 2), in: map[*apiFault]bool{}}
	w.p.SetFault(func(c giosgtest.Call) giosgtest.Fault {
		f := w.apiFaults.fault(c)
		if f.Status >= 400 && strings.HasSuffix(c.Path, "/teams") {
			w.teamsRefused.Store(true)
		}
		return f
	})
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
		away := o.AddHuman("Otto")
		away.GoOffline()
		o.AddTeam(teamIn, o.human)
		o.AddTeam(teamOut, away)
		o.bot = o.InstallBot("Helper Bot")
		w.orgs = append(w.orgs, o)
	}
}

// rude returns how the platform behaves during the storm.
func (w *world) rude() *giosgtest.Manners {
	m := giosgtest.Rude()
	m.Drop, m.LagAPI, m.Timeout = 0.005, 40*time.Millisecond, 2500*time.Millisecond
	m.Fail429 = 0.003 // each delays a whole bot user for a second; there is a fault of its own for more
	if !w.on(rudeness) {
		m = &giosgtest.Manners{Attempts: m.Attempts, Backoff: m.Backoff, Timeout: m.Timeout}
	}
	if !w.Sweeps { // then each webhook must arrive in the end
		m.Drop, m.Attempts = 0, 12
	}
	return m
}

// newReplica prepares a replica and its links.
func (w *world) newReplica(p *pack, n int, bot string) (*replica, error) {
	name := fmt.Sprintf("replica-%d", n)
	r := &replica{n: n, logFile: filepath.Join(w.Dir, name+".log")}
	log, err := os.Create(r.logFile)
	if err != nil {
		return nil, err
	}
	w.closers = append(w.closers, func() { _ = log.Close() })
	if r.listen, err = freeAddr(); err != nil {
		return nil, err
	}
	if r.admin, err = freeAddr(); err != nil {
		return nil, err
	}
	upstream, stop, err := serve(&gateway{edge: w.edge, replica: n, api: w.late})
	if err != nil {
		return nil, err
	}
	w.closers = append(w.closers, stop)
	if r.api, err = w.link(name+" to the API", upstream); err != nil {
		return nil, err
	}
	if r.hooks, err = w.link("webhooks to "+name, r.listen); err != nil {
		return nil, err
	}
	store, err := w.linkStore(r, name)
	if err != nil {
		return nil, err
	}
	every := sweep
	if !w.Sweeps {
		every = 0
	}
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "GORACE=halt_on_error=0",
		"WEBHOOK_SECRET=" + secret, "PLAYBOOK=" + w.playbook, "LISTEN_ADDR=" + r.listen, "ADMIN_ADDR=" + r.admin,
		"GIOSG_BASE_URL=http://" + r.api.addr, "LOG_LEVEL=debug", "LOG_FORMAT=json",
		"LEASE=" + lease.String(), "SETTLE=" + settle.String(), "API_TIMEOUT=" + timeout.String(), "SHUTDOWN_GRACE=" + grace.String(),
		"CATCH_UP_EVERY=" + every.String(), "CATCH_UP_DELAY=800ms", "PRESENCE_TTL=40s", store,
	}
	r.process = &process{pack: p, name: name, args: []string{bot, "serve"}, env: env, log: log}
	return r, nil
}

// linkStore makes a replica's links to its store, and returns the setting that names the store.
func (w *world) linkStore(r *replica, name string) (setting string, err error) {
	if w.store == nil {
		r.file = filepath.Join(w.Dir, "data", name+".db") // beside the playbook, as a small deployment may have it
		return "DATA_FILE=" + r.file, nil
	}
	for _, s := range w.store.servers {
		l, err := w.link(name+" to "+s.name, s.addr)
		if err != nil {
			return "", err
		}
		r.redis = append(r.redis, l)
	}
	if len(r.redis) == 1 {
		return "REDIS_URL=redis://" + r.redis[0].addr + "/0", nil
	}
	watcher, err := newSentinel(w.store, r.redis)
	if err != nil {
		return "", err
	}
	w.closers = append(w.closers, watcher.close)
	return "REDIS_URL=redis://" + watcher.addr + "?master_name=" + masterName, nil
}

// link makes a link that is closed after the run.
func (w *world) link(name, upstream string) (*link, error) {
	l, err := newLink(name, upstream)
	if err == nil {
		w.closers = append(w.closers, l.close)
	}
	return l, err
}

// ready returns nil if the replica is ready for webhooks.
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

// hook configures the platform's webhooks.
func (w *world) hook() error {
	var hooks []*link
	for _, r := range w.replicas {
		hooks = append(hooks, r.hooks)
	}
	addr, stop, err := serve(newBalancer(w.edge, hooks, newDice(w.Seed, 4), 2*time.Second))
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
