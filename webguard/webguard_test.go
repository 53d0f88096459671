package webguard_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"giosgbot/webguard"
)

func refuse(w http.ResponseWriter, status int, text string) { http.Error(w, text, status) }

var ok = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

func TestLoopback(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST": true, "localhost:8000": true, "127.0.0.1": true, "127.0.0.1:80": true, "127.8.7.6": true,
		"::1": true, "[::1]": true, "[::1]:80": true, "[::1%lo]:80": true, "::1%lo": true, "[::ffff:127.0.0.1]:80": true,
		"": false, ":80": false, "evil.example": false, "localhost.evil.example": false, "127.0.0.1.evil.example": false, "evil.example:80": false,
		"10.0.0.1": false, "0.0.0.0:80": false, "[::]:80": false, "[fe80::1%lo]:80": false, "[::1": false, "::1]": false, "[localhost": false,
	} {
		if got := webguard.Loopback(host); got != want {
			t.Errorf("Loopback(%q) = %t, want %t", host, got, want)
		}
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	const loopback, network = "127.0.0.1:9090", "10.0.0.7:9090"
	for name, c := range map[string]struct {
		only                bool
		local, host, method string
		headers             map[string]string
		want                int
	}{
		"page":                          {false, loopback, "localhost:9090", "GET", nil, 200},
		"page over IPv6":                {false, "[::1]:9090", "[::1]:9090", "GET", nil, 200},
		"page over IPv6 with a zone":    {false, "[::1%lo]:9090", "[::1%lo]:9090", "GET", nil, 200},
		"rebound name":                  {false, loopback, "evil.example:9090", "GET", nil, 421},
		"rebound name over a zone":      {false, "[::1%lo]:9090", "evil.example:9090", "GET", nil, 421},
		"name on a network":             {false, network, "bot.internal:9090", "GET", nil, 200},
		"name on a network, refused":    {true, network, "bot.internal:9090", "GET", nil, 421},
		"name without address, refused": {true, "", "bot.internal:9090", "GET", nil, 421},
		"loopback name, required":       {true, "", "localhost:9090", "GET", nil, 200},
		"program":                       {false, loopback, "localhost:9090", "POST", nil, 200},
		"own page":                      {false, loopback, "localhost:9090", "POST", map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:9090"}, 200},
		"change by another site":        {false, loopback, "localhost:9090", "POST", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		"change by another port":        {false, loopback, "localhost:9090", "POST", map[string]string{"Origin": "http://localhost:1"}, 403},
		"form of another site":          {false, loopback, "localhost:9090", "POST", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}, 403},
		"read by another site":          {false, loopback, "localhost:9090", "GET", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "empty"}, 403},
		"read by another port":          {false, loopback, "localhost:9090", "GET", map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		"frame in another site":         {false, loopback, "localhost:9090", "GET", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"}, 403},
		"link from another site":        {false, loopback, "localhost:9090", "GET", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}, 200},
		"typed address":                 {false, loopback, "localhost:9090", "GET", map[string]string{"Sec-Fetch-Site": "none"}, 200},
	} {
		r := httptest.NewRequest(c.method, "/", nil)
		if c.local != "" {
			local, err := net.ResolveTCPAddr("tcp", strings.Replace(c.local, "%lo", "", 1))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(c.local, "%lo") {
				local.Zone = "lo"
			}
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(local)))
		}
		r.Host = c.host
		for k, v := range c.headers {
			r.Header.Set(k, v)
		}
		w := httptest.NewRecorder()
		webguard.Guard{LoopbackOnly: c.only, Refuse: refuse}.Wrap(ok).ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s: status %d, want %d: %s", name, w.Code, c.want, w.Body)
		}
		if w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", name, w.Header())
		}
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	for images, want := range map[string]string{"": "img-src 'self';", "data: https:": "img-src 'self' data: https:;"} {
		w := httptest.NewRecorder()
		webguard.Guard{Images: images, Refuse: refuse}.Wrap(ok).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		csp := w.Header().Get("Content-Security-Policy")
		if !strings.Contains(csp, want) || !strings.HasPrefix(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("Content-Security-Policy is %q", csp)
		}
		for name, want := range map[string]string{
			"X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	}
}
