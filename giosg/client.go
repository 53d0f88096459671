package giosg

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-resty/resty/v2"
)

// Defaults of [Config].
const (
	DefaultTimeout  = 5 * time.Second
	DefaultMaxBody  = 4 << 20 // bytes
	DefaultMaxPages = 100
)

// Config is what a [Client] is made of. Only BaseURL is required.
type Config struct {
	BaseURL     string            // "https://service.giosg.com"; may have a path, but no user, query or fragment
	Version     string            // of the program, for the User-Agent
	UserAgent   string            // replaces "giosg-bot/<Version> (+go)"
	Timeout     time.Duration     // of one call, the answer's body included; DefaultTimeout if 0
	MaxBody     int64             // bytes of an answer that are read at most; DefaultMaxBody if 0
	MaxPages    int               // of one list that are read at most; DefaultMaxPages if 0
	Transport   http.RoundTripper // nil: an own one. Must not repeat a POST or PATCH by itself
	Concurrency int               // calls of one bot user at once; 0 means DefaultConcurrency
	// Wrap puts something around the transport, to look on; may be nil.
	Wrap    func(http.RoundTripper) http.RoundTripper
	Observe func(Call) // called after every HTTP call, from the caller's goroutine; must be quick
}

// Call is one HTTP call as [Config.Observe] sees it: one page of a list is one
// call. Op, Method and Path have a small set of values and suit metric labels.
type Call struct {
	Op       string // "send message"
	Method   string // "POST"
	Path     string // "/api/v5/users/<user>/chats/<chat>/messages"
	Status   int    // 0 when there was no answer
	Kind     Kind   // OK, or what went wrong
	Duration time.Duration
}

// Client calls giosg's HTTP API. It is safe for concurrent use; make one and
// keep it, as it holds the connections.
type Client struct {
	http     *resty.Client
	base     *url.URL // without a trailing slash
	prefix   string   // base as text
	timeout  time.Duration
	maxBody  int64
	maxPages int
	observe  func(Call)
	polite   polite
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
		return nil, errors.New("giosg: user agent: only visible ASCII may be in it")
	}
	h := resty.NewWithClient(&http.Client{Transport: guard{next}}).
		SetRetryCount(0). // what may be repeated is for the caller to know
		SetRedirectPolicy(resty.RedirectPolicyFunc(func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // the token stays here
		})).
		SetLogger(silent{}).
		SetDisableWarn(true).
		SetDoNotParseResponse(true). // call reads the body: with a limit, and to its end
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
	if c.polite.most = cfg.Concurrency; c.polite.most == 0 {
		c.polite.most = DefaultConcurrency
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

// As binds a bot user's token; the API calls are methods of the session. It
// costs next to nothing: make one for each piece of work, with the freshest
// token.
func (c *Client) As(t Token) *Session { return &Session{c: c, token: seal(t)} }

// CloseIdleConnections closes the connections that no call is using.
func (c *Client) CloseIdleConnections() { c.http.GetClient().CloseIdleConnections() }

func parseBase(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, errors.New("cannot be parsed") // the cause would show a password in it
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("must begin with http:// or https://")
	case u.Hostname() == "":
		return nil, errors.New("has no host")
	case u.User != nil:
		return nil, errors.New("must not hold a user or password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(s, "#"):
		return nil, errors.New("must not have a query or fragment")
	}
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	if !plainPath(path) {
		return nil, errors.New("has a path with empty, dotted or escaped parts")
	}
	return &url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host), Path: path}, nil
}

// plainPath tells whether a path means what it says: no escapes, backslashes,
// dot segments or empty segments.
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

// silent is a logger for resty, which would otherwise write to standard error.
type silent struct{}

func (silent) Errorf(string, ...any) {}
func (silent) Warnf(string, ...any)  {}
func (silent) Debugf(string, ...any) {}
