package giosg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// newTransport returns the default transport.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 3 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:   3 * time.Second,
		ForceAttemptHTTP2:     true,
		HTTP2:                 &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second},
		MaxIdleConns:          1024,
		MaxIdleConnsPerHost:   256,
		IdleConnTimeout:       30 * time.Second, // less than servers wait: a write on a connection that is being closed has an unknown fate
		ExpectContinueTimeout: time.Second,
	}
}

// guard wraps the transport and keeps two promises.
//
// Nothing is sent after the deadline. A process that was frozen may continue to
// write before its timers fire. So guard compares the clock with the deadline
// when a request arrives, and again before its body is written.
//
// A write that was not sent is reported as such. It fails with an [unsentError]
// only if no byte of its body was read, and none will be: the gate around the
// body is closed before RoundTrip returns. (The header may have been sent. Without
// the body that it announces, it has no effect.)
//
// A trace of the connection could keep neither promise. Its hooks cannot stop a
// write, and do not report one that happens after the call has failed.
type guard struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (g guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := late(req.Context()); err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, &unsentError{err}
	}
	if req.Body == nil || req.Body == http.NoBody || req.GetBody == nil {
		return g.next.RoundTrip(req)
	}
	gate := &gate{ctx: req.Context()}
	out := *req // a RoundTripper must not change the request
	out.Body = &gatedBody{gate, req.Body}
	out.GetBody = func() (io.ReadCloser, error) {
		b, err := req.GetBody()
		if err != nil {
			return nil, err
		}
		gate.again()
		return &gatedBody{gate, b}, nil
	}
	res, err := g.next.RoundTrip(&out)
	if err != nil && gate.shut() {
		err = &unsentError{err}
	}
	return res, err
}

// CloseIdleConnections is called by http.Client.CloseIdleConnections.
func (g guard) CloseIdleConnections() {
	if c, ok := g.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

var (
	errLate = fmt.Errorf("too late to send: %w", context.DeadlineExceeded)
	errShut = errors.New("the call has ended")
)

// late returns an error if ctx is over or its deadline has passed, even if the
// deadline's timer has not fired yet. It compares the wall clock, too, because the
// monotonic clock stops while a machine sleeps.
func late(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if d, ok := ctx.Deadline(); ok {
		if now := time.Now(); now.After(d) || now.Round(0).After(d.Round(0)) {
			return errLate
		}
	}
	return nil
}

// unsentError is the error of a write that was not sent.
type unsentError struct{ err error }

func (e *unsentError) Error() string { return e.err.Error() }
func (e *unsentError) Unwrap() error { return e.err }

// gate guards a request's body, on every connection that the transport tries.
type gate struct {
	ctx context.Context // of the request

	mu     sync.Mutex // guards what follows
	passed bool       // a part of the body may have been sent
	closed bool       // no more reads are allowed
}

func (g *gate) pass() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return errShut
	}
	if !g.passed {
		if err := late(g.ctx); err != nil {
			return err
		}
	}
	g.passed = true
	return nil
}

// again is called when net/http asks for the body once more. For requests that
// are not idempotent it does so only if it has sent nothing before.
func (g *gate) again() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.passed = false
}

// shut closes the gate and reports whether no part of the body was read.
func (g *gate) shut() (unsent bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	return !g.passed
}

type gatedBody struct {
	gate *gate
	io.ReadCloser
}

func (b *gatedBody) Read(p []byte) (int, error) {
	if err := b.gate.pass(); err != nil {
		return 0, err
	}
	return b.ReadCloser.Read(p)
}
