//go:build unix

package chaos

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// link is a TCP proxy that can cut, stall and delay connections: those of a replica to Redis or to the API, or of the platform to a replica.
type link struct {
	addr string // where it listens

	mu    sync.Mutex // held during a change; toxiproxy's own locks do not cover a stop with a start
	proxy *toxiproxy.Proxy
	count int
}

var proxies = sync.OnceValue(func() *toxiproxy.ApiServer {
	return toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
})

func newLink(name, upstream string) (*link, error) {
	l := &link{proxy: toxiproxy.NewProxy(proxies(), name, "127.0.0.1:0", upstream)}
	if err := l.proxy.Start(); err != nil {
		return nil, fmt.Errorf("a proxy for %s: %w", name, err)
	}
	l.addr = l.proxy.Listen
	return l, nil
}

// close ends the link.
func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.proxy.Stop()
}

// cut closes all connections. New ones are refused until mend is called.
func (l *link) cut() (mend func()) {
	l.mu.Lock()
	l.proxy.Stop()
	return func() {
		defer l.mu.Unlock()
		for range 200 {
			if l.proxy.Start() == nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// spoil adds a toxic of toxiproxy to new and existing connections. stream is upstream or downstream.
func (l *link) spoil(kind, stream, attributes string) (mend func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count++
	name := fmt.Sprintf("%s-%d", kind, l.count)
	_, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(
		fmt.Sprintf(`{"name": %q, "type": %q, "stream": %q, "attributes": {%s}}`, name, kind, stream, attributes)))
	if err != nil {
		return func() {}
	}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		// Removing a toxic from a connection in which nothing moves may never return, so close the connections first.
		l.proxy.Stop()
		time.Sleep(20 * time.Millisecond)
		l.proxy.Toxics.ResetToxics(context.Background())
		for range 200 {
			if l.proxy.Start() == nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// stall drops all data in one direction.
func (l *link) stall(stream string) (mend func()) { return l.spoil("timeout", stream, `"timeout": 0`) }

// slow delays all data in one direction.
func (l *link) slow(stream string, by, jitter time.Duration) (mend func()) {
	return l.spoil("latency", stream, fmt.Sprintf(`"latency": %d, "jitter": %d`, by.Milliseconds(), jitter.Milliseconds()))
}

// snap closes each connection after so many bytes of answers, mostly in the middle of one.
func (l *link) snap(bytes int) (mend func()) {
	return l.spoil("limit_data", "downstream", fmt.Sprintf(`"bytes": %d`, bytes))
}
