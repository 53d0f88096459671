package giosg

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-resty/resty/v2"
)

// Defaults of [Config].
const (
	DefaultTimeout  = 5 * time.Second
	DefaultMaxBody  = 4 << 20 // bytes
	DefaultMaxPages = 10_000  // no real list is as long, not even with small pages
)

// Config configures a [Client]. Only BaseURL is required.
type Config struct {
	BaseURL     string            // "https://service.giosg.com"; may have a path, but no user, query or fragment
	Version     string            // of the program, for the User-Agent
	UserAgent   string            // replaces "giosg-bot/<Version> (+go)"
	Timeout     time.Duration     // of one call, the answer's body included; DefaultTimeout if 0
	MaxBody     int64             // maximum size of an answer in bytes; DefaultMaxBody if 0
	MaxPages    int               // maximum number of pages of a list; DefaultMaxPages if 0
	Transport   http.RoundTripper // nil means one of the client's own. It must not repeat a POST or PATCH by itself
	Concurrency int               // concurrent calls of one bot user; DefaultConcurrency if 0
	// Wrap, if not nil, wraps the transport, for example to trace calls.
	Wrap    func(http.RoundTripper) http.RoundTripper
	Observe func(Call) // called after every HTTP call, in the caller's goroutine; must return quickly
	// OnFree, if not nil, is called when a slot of a bot user became free, once
	// for each call that failed with [IsBusy], to wake one of their callers. It is
	// called in the goroutine of another call and must return quickly.
	OnFree func(UserID)
}

// Call is one HTTP call, for [Config.Observe]. Each page of a list is a call. Op,
// Method and Path have few values, so they can be metric labels.
type Call struct {
	Op       string // "send message"
	Method   string // "POST"
	Path     string // "/api/v5/users/<user>/chats/<chat>/messages"
	Status   int    // 0 when there was no answer
	Kind     Kind   // OK, or what went wrong
	Duration time.Duration
}

// Client calls giosg's HTTP API. It is safe for concurrent use. It holds the
// connections, so a program should have only one.
type Client struct {
	http     *resty.Client
	base     *url.URL // without a trailing slash
	prefix   string   // base as text
	timeout  time.Duration
	maxBody  int64
	maxPages int
	observe  func(Call)
	limits   limiters

	noOrdering atomic.Int64 // until when the ordering parameter of messages is not used, in Unix nanoseconds
}

// New checks the configuration and returns a client. It makes no call.
func New(cfg Config) (*Client, error) {
	base, err := parseBase(cfg.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("giosg: base URL: %w", err)
	}
	if cfg.Timeout < 0 || cfg.MaxBody < 0 || cfg.MaxPages < 0 || cfg.Concurrency < 0 {
		return nil, errors.New("giosg: a limit is negative")
	}
	next := cfg.Transport
	if next == nil {
		next = newTransport()
	}
	if cfg.Wrap != nil {
		next = cfg.Wrap(next)
	}
	agent := cfg.UserAgent
	if agent == "" {
		version := cfg.Version
		if version == "" {
			version = "dev"
		}
		agent = "giosg-bot/" + version + " (+go)"
	}
	if strings.ContainsFunc(agent, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, errors.New("giosg: user agent: only visible ASCII is allowed")
	}
	h := resty.NewWithClient(&http.Client{Transport: guard{next}}).
		SetRetryCount(0). // the caller decides what to repeat
		SetRedirectPolicy(resty.RedirectPolicyFunc(func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // the token must not go elsewhere
		})).
		SetLogger(silent{}).
		SetDisableWarn(true).
		SetDoNotParseResponse(true). // roundTrip reads the body, with a limit
		SetHeader("Accept", "application/json").
		SetHeader("User-Agent", agent)
	c := &Client{
		http:     h,
		base:     base,
		prefix:   base.String(),
		timeout:  cfg.Timeout,
		maxBody:  cfg.MaxBody,
		maxPages: cfg.MaxPages,
		observe:  cfg.Observe,
	}
	c.limits.onFree = cfg.OnFree
	if c.limits.slots = cfg.Concurrency; c.limits.slots == 0 {
		c.limits.slots = DefaultConcurrency
	}
	if c.timeout == 0 {
		c.timeout = DefaultTimeout
	}
	if c.maxBody == 0 {
		c.maxBody = DefaultMaxBody
	}
	if c.maxPages == 0 {
		c.maxPages = DefaultMaxPages
	}
	return c, nil
}

// As returns a session that uses the token. It is cheap: make one for each piece
// of work, with the newest token.
func (c *Client) As(t Token) *Session { return &Session{c: c, token: seal(t)} }

// CloseIdleConnections closes the connections that are not in use.
func (c *Client) CloseIdleConnections() { c.http.GetClient().CloseIdleConnections() }

func parseBase(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, errors.New("cannot be parsed") // the cause would show a password
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("must begin with http:// or https://")
	case u.Hostname() == "":
		return nil, errors.New("has no host")
	case u.User != nil:
		return nil, errors.New("must not contain a user or password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(s, "#"):
		return nil, errors.New("must not have a query or fragment")
	}
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	if !plainPath(path) {
		return nil, errors.New("has a path with empty, dotted or escaped parts")
	}
	return &url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host), Path: path}, nil
}

// plainPath reports whether a path is free of escapes, backslashes, dot segments
// and empty segments.
func plainPath(path string) bool {
	if path == "" {
		return true
	}
	if path[0] != '/' || strings.ContainsAny(path, `%\`) {
		return false
	}
	for part := range strings.SplitSeq(path[1:], "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}

// silent keeps resty from writing to standard error.
type silent struct{}

func (silent) Errorf(string, ...any) {}
func (silent) Warnf(string, ...any)  {}
func (silent) Debugf(string, ...any) {}
