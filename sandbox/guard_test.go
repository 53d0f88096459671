package sandbox_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"giosgbot/giosg/giosgtest"
	"giosgbot/sandbox"
)

func TestMarkupStaysText(t *testing.T) {
	t.Parallel()
	b := open(t, sandbox.Options{})
	chat := b.first()
	_, next := b.watch()
	const evil = `</script><img src=x onerror="alert(1)">&amp;`
	b.say(chat, evil)
	for {
		it := next()
		if it.Kind != "line" {
			continue
		}
		if bytes.ContainsAny(it.Data, "<>") {
			t.Errorf("markup in the stream: %s", it.Data)
		}
		var l giosgtest.Line
		if err := json.Unmarshal(it.Data, &l); err != nil || l.Text != evil {
			t.Errorf("the text comes as %q, %v", l.Text, err)
		}
		return
	}
}

func TestOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	b := open(t, sandbox.Options{})
	for name, c := range map[string]struct {
		method, path, host, kind string
		header                   map[string]string
		want                     int
	}{
		"page":                {"GET", "/", "", "", nil, 200},
		"script":              {"GET", "/app.js", "", "", nil, 200},
		"own post":            {"POST", "/api/switches/down", "", "application/json", map[string]string{"Origin": "SELF", "Sec-Fetch-Site": "same-origin"}, 200},
		"cross-origin":        {"POST", "/api/switches/down", "", "application/json", map[string]string{"Origin": "https://evil.example"}, 403},
		"cross-site":          {"POST", "/api/switches/down", "", "application/json", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		"other port":          {"POST", "/api/switches/down", "", "application/json", map[string]string{"Origin": "http://127.0.0.1:1"}, 403},
		"form":                {"POST", "/api/switches/down", "", "text/plain", nil, 415},
		"rebound name":        {"GET", "/", "evil.example", "", nil, 421},
		"rebound post":        {"POST", "/api/switches/down", "evil.example:80", "application/json", nil, 421},
		"localhost":           {"GET", "/", "localhost:8000", "", nil, 200},
		"IPv6":                {"GET", "/", "[::1]:8000", "", nil, 200},
		"stream for others":   {"GET", "/api/live", "", "", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		"no such switch":      {"POST", "/api/switches/rain", "", "application/json", nil, 404},
		"no such chat":        {"POST", "/api/chats/x/say", "", "application/json", nil, 404},
		"no such action":      {"GET", "/api/secrets", "", "", nil, 404},
		"actions need a POST": {"GET", "/api/bot", "", "", nil, 404},
	} {
		req, err := http.NewRequest(c.method, b.page.URL+c.path, strings.NewReader(`{"on": false}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", c.kind)
		for k, v := range c.header {
			req.Header.Set(k, strings.Replace(v, "SELF", b.page.URL, 1))
		}
		req.Host = c.host
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != c.want {
			t.Errorf("%s: status %d, want %d: %s", name, res.StatusCode, c.want, body)
		}
		h := res.Header
		if csp := h.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; script-src 'self';") || !strings.Contains(csp, "frame-ancestors 'none'") ||
			strings.Contains(csp, "unsafe") || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", name, h)
		}
	}
}
