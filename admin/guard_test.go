package admin_test

import (
	"net"
	"regexp"
	"strings"
	"testing"
)

func TestEveryAnswerIsStrict(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, path := range []string{"/", "/page/status.js", "/page/status.css", "/metrics", "/api/status", "/api/deadletters", "/nothing", "/debug/pprof/"} {
		res, _ := s.do("GET", path)
		h := res.Header
		csp := h.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "http") {
			t.Errorf("%s: Content-Security-Policy is %q", path, csp)
		}
		if path == "/" && strings.Contains(csp, "unsafe") {
			t.Errorf("%s: Content-Security-Policy is %q", path, csp)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", path, h)
		}
	}
}

// The page names no other host and needs nothing that its Content-Security-Policy forbids.
func TestPageIsSelfContained(t *testing.T) {
	t.Parallel()
	s := start(t)
	foreign := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9]`)
	for _, path := range []string{"/", "/page/status.js", "/page/plots.js", "/page/status.css", "/page/icon.svg"} {
		res, body := s.do("GET", path)
		if res.StatusCode != 200 || body == "" {
			t.Errorf("%s: %s", path, res.Status)
		}
		for _, found := range foreign.FindAllString(strings.ReplaceAll(body, "http://www.w3.org/2000/svg", ""), -1) {
			t.Errorf("%s names another host: %s", path, found)
		}
		for _, bad := range []string{" style=", "<style", " onclick=", "innerHTML", "eval("} {
			if strings.Contains(body, bad) {
				t.Errorf("%s has %q", path, bad)
			}
		}
	}
	_, body := s.do("GET", "/")
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"#]+)"`).FindAllStringSubmatch(body, -1) {
		if res, _ := s.do("GET", m[1]); res.StatusCode != 200 {
			t.Errorf("the page links %s: %s", m[1], res.Status)
		}
	}
}

func TestProfiles(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/goroutine?debug=1", "/debug/pprof/cmdline", "/debug/pprof/heap"} {
		if res, body := s.do("GET", path); res.StatusCode != 200 || body == "" {
			t.Errorf("%s: %s", path, res.Status)
		}
	}
}

func TestForeignPagesAndNamesAreRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.put(event(1))
	s.work("set aside")
	dead, err := s.queue.Dead(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	retry, drop := "/api/deadletters/"+dead[0].ID+"/retry", "/api/deadletters/"+dead[0].ID
	host := strings.TrimPrefix(s.http.URL, "http://")
	_, port, _ := net.SplitHostPort(host)
	for _, c := range []struct {
		method, path string
		code         int
		headers      []string
	}{
		{"POST", retry, 403, []string{"Sec-Fetch-Site", "cross-site"}},
		{"POST", retry, 403, []string{"Sec-Fetch-Site", "same-site"}},
		{"POST", retry, 403, []string{"Origin", "https://evil.example"}},
		{"POST", retry, 403, []string{"Origin", "null"}},
		{"DELETE", drop, 403, []string{"Sec-Fetch-Site", "cross-site", "Origin", "http://" + host}},
		{"DELETE", drop, 403, []string{"Origin", "http://localhost:1"}},
		{"POST", retry, 421, []string{"Host", "evil.example:" + port, "Origin", "http://evil.example:" + port, "Sec-Fetch-Site", "same-origin"}},
		{"GET", "/api/status", 421, []string{"Host", "evil.example"}},
		{"GET", "/", 421, []string{"Host", "localhost.evil.example"}},
		{"GET", "/metrics", 421, []string{"Host", "10.0.0.1"}},
		{"GET", "/debug/pprof/", 421, []string{"Host", "evil.example"}},
		{"GET", "/api/status", 200, []string{"Host", "localhost:" + port}},
		{"GET", "/api/status", 200, []string{"Host", "[::1]:" + port}},
		{"GET", "/api/status", 200, []string{"Host", "LOCALHOST"}},
		{"PUT", retry, 405, nil},
		{"GET", retry, 405, nil},
	} {
		res, body := s.do(c.method, c.path, c.headers...)
		if res.StatusCode != c.code {
			t.Errorf("%s %s %v: %s, want %d: %s", c.method, c.path, c.headers, res.Status, c.code, body)
		}
	}
	if left, err := s.queue.Dead(t.Context(), 10); err != nil || len(left) != 1 {
		t.Fatalf("%d dead letters are left, %v: a page of another site has changed something", len(left), err)
	}
	if res, body := s.do("POST", retry, "Sec-Fetch-Site", "same-origin", "Origin", s.http.URL); res.StatusCode != 200 {
		t.Errorf("the page itself: %s %s", res.Status, body)
	}
}
