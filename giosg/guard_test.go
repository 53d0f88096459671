package giosg_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"giosgbot/giosg"
)

// stuck is the context of a process that was frozen: its deadline has passed, but
// its timer has not fired yet.
type stuck struct {
	context.Context
	deadline atomic.Pointer[time.Time]
}

func (s *stuck) Deadline() (time.Time, bool) { return *s.deadline.Load(), true }

func (s *stuck) set(d time.Duration) *stuck {
	at := time.Now().Add(d)
	s.deadline.Store(&at)
	return s
}

func TestNothingIsSentLate(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, answer(200, `{}`))
	s := p.session(t, nil)
	ctx := (&stuck{Context: t.Context()}).set(-time.Nanosecond)
	_, err := s.Send(ctx, "ch", giosg.NewMessage{Message: "x"})
	wantKind(t, err, giosg.Canceled)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	_, err = s.Me(ctx)
	wantKind(t, err, giosg.Canceled)
	if n := len(p.seen()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// The process may freeze while it connects.
func TestNothingIsSentLateAfterDialing(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, answer(200, `{}`))
	ctx := (&stuck{Context: t.Context()}).set(time.Hour)
	var dialed atomic.Int32
	var written sent
	s := p.session(t, func(c *giosg.Config) {
		c.Timeout = 2 * time.Hour // so that ctx is the one whose deadline counts
		c.Transport = &http.Transport{DialContext: func(inner context.Context, network, addr string) (net.Conn, error) {
			dialed.Add(1)
			ctx.set(-time.Nanosecond)
			conn, err := new(net.Dialer).DialContext(context.WithoutCancel(inner), network, addr)
			return recordedConn{conn, &written}, err
		}}
	})
	_, err := s.Send(ctx, "ch", giosg.NewMessage{Message: "the words"})
	wantKind(t, err, giosg.Canceled)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if dialed.Load() != 1 || len(p.seen()) != 0 {
		t.Errorf("dialed %d times, %d requests", dialed.Load(), len(p.seen()))
	}
	if got := written.String(); strings.Contains(got, "the words") {
		t.Errorf("the body went out: %s", got)
	}
}

// sent is what was written to a connection.
type sent struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (s *sent) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *sent) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

type recordedConn struct {
	net.Conn
	to *sent
}

func (c recordedConn) Write(b []byte) (int, error) {
	c.to.Write(b)
	return c.Conn.Write(b)
}

// A write that was reported as not sent is not sent later, even if the transport
// reads the body after it has returned.
func TestGivenUpIsNotSentLater(t *testing.T) {
	t.Parallel()
	later := make(chan error, 1)
	give := make(chan struct{})
	s := newClient(t, giosg.Config{BaseURL: "http://giosg.invalid", Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		go func() {
			<-give
			_, err := io.ReadAll(r.Body)
			later <- err
		}()
		return nil, errors.New("given up")
	})}).As(token)
	wantKind(t, s.Leave(t.Context(), "ch"), giosg.Temporary)
	close(give)
	if err := <-later; err == nil {
		t.Error("the body could still be read")
	}
}

// net/http repeats a write by itself only if it has sent nothing of it. Then the
// last attempt counts.
func TestRepeatedByTransport(t *testing.T) {
	t.Parallel()
	for _, last := range []bool{false, true} {
		s := newClient(t, giosg.Config{BaseURL: "http://giosg.invalid", Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			io.ReadAll(r.Body)
			body, err := r.GetBody()
			if err != nil {
				return nil, err
			}
			if last {
				io.ReadAll(body)
			}
			return nil, errors.New("no luck")
		})}).As(token)
		want := giosg.Temporary
		if last {
			want = giosg.Unknown
		}
		wantKind(t, s.Leave(t.Context(), "ch"), want)
	}
}

// HTTP/2 reads the body in another way. The kinds are the same.
func TestHTTP2(t *testing.T) {
	t.Parallel()
	var protos atomic.Value
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protos.Store(r.Proto)
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "cut") {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(201)
		io.WriteString(w, `{"id": "m"}`)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	s := newClient(t, giosg.Config{BaseURL: srv.URL, Transport: srv.Client().Transport}).As(token)
	m, err := s.Send(t.Context(), "ch", giosg.NewMessage{Message: "x"})
	if err != nil || m.ID != "m" || protos.Load() != "HTTP/2.0" {
		t.Errorf("%v, %v over %v", m.ID, err, protos.Load())
	}
	_, err = s.Send(t.Context(), "ch", giosg.NewMessage{Message: "cut"})
	wantKind(t, err, giosg.Unknown)
	// The default transport does not know the certificate, so nothing is sent.
	s = newClient(t, giosg.Config{BaseURL: srv.URL}).As(token)
	wantKind(t, s.Leave(t.Context(), "ch"), giosg.Temporary)
}
