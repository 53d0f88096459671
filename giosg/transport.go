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

// newTransport is the transport of a client that was given none.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 3 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:   3 * time.Second,
		ForceAttemptHTTP2:     true,
		HTTP2:                 &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second},
		MaxIdleConns:          1024,
		MaxIdleConnsPerHost:   256,
		IdleConnTimeout:       30 * time.Second, // less than servers keep: a write on a dying connection has an unknown fate
		ExpectContinueTimeout: time.Second,
	}
}

// guard stands before the transport and keeps two promises.
//
// Nothing is sent late. A process that was frozen may wake up and write before
// its timers fire; so the clock is compared with the deadline when a request
// comes in, and again when its body is about to be written.
//
// It is known what was not sent. A write is told to have failed with an
// [unsentError] only if no byte of its body was handed out, and none ever will
// be: the gate in front of the body is shut before the answer is given. (Its
// head may be out: without the body it announces, it can have no effect.)
//
// A trace of the connection could not promise either: its hooks cannot stop a
// write, and are silent about one that comes after a call was given up.
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
	out := *req // a RoundTripper must leave the request as it was
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

// CloseIdleConnections is found by http.Client.CloseIdleConnections.
func (g guard) CloseIdleConnections() {
	if c, ok := g.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

var (
	errLate = fmt.Errorf("too late to send: %w", context.DeadlineExceeded)
	errShut = errors.New("the call has ended")
)

// late compares the deadline with the clock, not with a timer; and the wall
// clock too, because the other one stands still while a machine sleeps.
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

// unsentError marks the failure of a write of which nothing went out.
type unsentError struct{ err error }

func (e *unsentError) Error() string { return e.err.Error() }
func (e *unsentError) Unwrap() error { return e.err }

// gate watches one request's body over all the connections it is tried on.
type gate struct {
	ctx context.Context // of the request, as its body has no other way to learn it

	mu     sync.Mutex // guards what follows
	passed bool       // something was handed out
	closed bool       // nothing more will be
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

// again is called when net/http asks for the body anew. For requests that are
// not idempotent it does so only if the try before surely wrote nothing.
func (g *gate) again() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.passed = false
}

// shut ends the handing out and tells whether there was none.
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
