package giosgtest

import (
	"context"
	crand "crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

// Platform is a simulation of giosg. Create it with New, Run or RunT. It is safe for concurrent use.
type Platform struct {
	client *http.Client
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	key    [32]byte       // signs tokens
	work   sync.WaitGroup // deliveries and API calls under way

	faults faultBook // has its own lock, so that a fault hook may call the platform

	mu      sync.Mutex // guards everything below, and every Org, Room, Team, User, Bot and Chat
	opts    Options
	offset  time.Duration // Advance
	dice    *rand.Rand
	ids     *rand.ChaCha8
	seq     int64 // order of everything that happens
	closed  bool
	bell    bell
	orgs    map[string]*Org
	users   map[string]*User
	rooms   map[string]*Room
	teams   map[string]*Team
	chats   map[string]*Chat
	calls   ring[*Call]
	sent    ring[Delivery]
	events  ring[Event]
	wrongs  []Violation
	holds   []*Hold
	lanes   map[laneKey]*lane
	sending int // deliveries accepted and not finished
	feeds   []*Feed

	listener net.Listener
	server   *http.Server
	served   chan struct{}
	url      string
}

// New creates a platform that does not listen yet: use Handler or Start. Close it in the end.
func New(o Options) *Platform {
	ctx, cancel := context.WithCancel(context.Background())
	o = o.withDefaults()
	var seed [32]byte
	if _, err := crand.Read(seed[:]); err != nil {
		panic(fmt.Sprintf("giosgtest: random seed: %v", err))
	}
	p := &Platform{
		client: &http.Client{
			Transport: &http.Transport{MaxIdleConns: 512, MaxIdleConnsPerHost: 512, MaxConnsPerHost: 512, IdleConnTimeout: time.Minute},
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return http.ErrUseLastResponse
			},
		},
		ctx: ctx, cancel: cancel,
		opts:  o,
		dice:  rand.New(rand.NewPCG(o.Seed, 0x610569)),
		ids:   rand.NewChaCha8(seed),
		orgs:  map[string]*Org{},
		users: map[string]*User{},
		rooms: map[string]*Room{},
		teams: map[string]*Team{},
		chats: map[string]*Chat{},
		lanes: map[laneKey]*lane{},
	}
	p.randomLocked(p.key[:])
	p.calls.keep, p.sent.keep, p.events.keep = o.Keep, o.Keep, o.Keep
	return p
}

// Run creates a platform and starts it on a free loopback port.
func Run(o Options) (*Platform, error) {
	p := New(o)
	if err := p.Start("127.0.0.1:0"); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// TB is the part of testing.TB that RunT needs.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// RunT is Run for a test: it fails the test when the platform cannot start and closes it when the test ends.
func RunT(t TB, o Options) *Platform {
	t.Helper()
	p, err := Run(o)
	if err != nil {
		t.Fatalf("start the platform: %v", err)
	}
	t.Cleanup(p.Close)
	return p
}

// Start serves the API at addr, for example 127.0.0.1:0. It refuses addresses that are not loopback.
func (p *Platform) Start(addr string) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("listen at %s: %w", addr, err)
	}
	if tcp, ok := ln.Addr().(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		_ = ln.Close()
		return fmt.Errorf("listen at %s: only loopback addresses are served", addr)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.server != nil {
		_ = ln.Close()
		return errors.New("start: the platform was started or closed before")
	}
	p.listener = ln
	p.url = "http://" + ln.Addr().String()
	p.server = &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second, ErrorLog: quiet}
	p.served = make(chan struct{})
	go func(s *http.Server, done chan struct{}) {
		defer close(done)
		_ = s.Serve(ln)
	}(p.server, p.served)
	return nil
}

// Handler serves the API, for a server of the caller's own.
func (p *Platform) Handler() http.Handler { return p }

// URL is the base URL for the bot: scheme, host, port and Options.BasePath. It is empty before Start.
func (p *Platform) URL() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.url == "" {
		return ""
	}
	return p.url + p.opts.BasePath
}

// Close stops the server, all deliveries and all API calls, and waits for them. It may be called twice.
func (p *Platform) Close() {
	p.cancel()
	p.mu.Lock()
	p.closed = true
	server, served := p.server, p.served
	for _, f := range p.feeds {
		f.shut()
	}
	p.feeds = nil
	p.ringLocked(nil)
	p.mu.Unlock()
	if server != nil {
		_ = server.Close()
		<-served
	}
	p.work.Wait()
	p.client.CloseIdleConnections()
}

// Configure changes options while the platform runs. Seed and Keep are read only by New.
func (p *Platform) Configure(change func(*Options)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.opts)
	p.opts = p.opts.withDefaults()
}

// Now returns the platform's time: the clock's time plus what Advance added.
func (p *Platform) Now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.nowLocked()
}

// Advance moves the platform's clock, so that tokens and presence expire without waiting. Delays of deliveries and faults are in real
// time and do not move.
func (p *Platform) Advance(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.offset += d
	now := p.nowLocked()
	for _, u := range p.users {
		u.noteLapse(now)
	}
	p.ringLocked(nil)
}

func (p *Platform) nowLocked() time.Time {
	return p.opts.Now().Add(p.offset).UTC().Truncate(time.Millisecond)
}

func (p *Platform) nextLocked() int64 {
	p.seq++
	return p.seq
}

func (p *Platform) randomLocked(b []byte) {
	_, _ = p.ids.Read(b) // ChaCha8 never fails
}

func (p *Platform) uuidLocked() string {
	var b [16]byte
	p.randomLocked(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var out [36]byte
	hex.Encode(out[:8], b[:4])
	hex.Encode(out[9:13], b[4:6])
	hex.Encode(out[14:18], b[6:8])
	hex.Encode(out[19:23], b[8:10])
	hex.Encode(out[24:], b[10:])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return string(out[:])
}

func (p *Platform) visitorIDLocked() string {
	var b [16]byte
	p.randomLocked(b[:])
	return hex.EncodeToString(b[:])
}
