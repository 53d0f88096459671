package redistest

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Proxy is an address that leads to a server, and later perhaps to another one, as a load balancer or a name does.
type Proxy struct {
	Addr string // host:port

	l     net.Listener
	ended sync.WaitGroup

	mu     sync.Mutex
	target string                // guarded by mu
	conns  map[net.Conn]struct{} // both ends; guarded by mu
	held   bool                  // guarded by mu
	closed bool                  // guarded by mu
}

// StartProxy leads to target until the test ends.
func StartProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Addr: l.Addr().String(), l: l, target: target, conns: map[net.Conn]struct{}{}}
	p.ended.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Point leads to another server from now on. Connections to the one of before are closed.
func (p *Proxy) Point(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
	p.cut()
}

// HoldReplicas keeps the connections of replicas open, but nothing that is sent from now on arrives at them.
func (p *Proxy) HoldReplicas() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = true
}

func (p *Proxy) cut() {
	for c := range p.conns {
		_ = c.Close()
	}
}

func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	_ = p.l.Close()
	p.cut()
	p.mu.Unlock()
	p.ended.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.l.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		server, err := net.Dial("tcp", p.target)
		if err != nil || p.closed {
			_ = client.Close()
			if err == nil {
				_ = server.Close()
			}
			p.mu.Unlock()
			continue
		}
		p.conns[client], p.conns[server] = struct{}{}, struct{}{}
		p.mu.Unlock()
		var replica atomic.Bool // the client is one
		p.ended.Go(func() { p.copy(client, server, func([]byte) bool { return replica.Load() && p.holds() }) })
		p.ended.Go(func() {
			p.copy(server, client, func(b []byte) bool {
				if bytes.Contains(b, []byte("PSYNC")) {
					replica.Store(true)
				}
				return false
			})
		})
	}
}

// copy passes bytes on until one end closes, unless drop wants them dropped.
func (p *Proxy) copy(to, from net.Conn, drop func([]byte) bool) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && !drop(buf[:n]) {
			_, err2 := to.Write(buf[:n])
			if err == nil {
				err = err2
			}
		}
		if err != nil {
			break
		}
	}
	_ = to.Close()
	_ = from.Close()
	p.mu.Lock()
	delete(p.conns, to)
	delete(p.conns, from)
	p.mu.Unlock()
}

func (p *Proxy) holds() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held
}
