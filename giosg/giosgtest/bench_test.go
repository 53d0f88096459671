package giosgtest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"giosgbot/giosg/giosgtest"
)

// BenchmarkWebhooks opens chats and waits for the deliveries, over loopback.
func BenchmarkWebhooks(b *testing.B) {
	p := giosgtest.New(giosgtest.Options{Manners: &giosgtest.Manners{}, Keep: -1})
	defer p.Close()
	in := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer in.Close()
	org := p.AddOrg("Acme")
	room := org.AddRoom("Shop", "en")
	org.InstallBot("Helper Bot", giosgtest.Webhook{URL: in.URL, Pattern: giosgtest.PendingChats})
	n := 0
	for b.Loop() {
		if _, err := room.OpenChat().Say("hello"); err != nil {
			b.Fatal(err)
		}
		if n++; n%500 == 0 {
			if err := p.AwaitDeliveries(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "webhooks/s")
}

// BenchmarkCalls posts and reads in a platform that holds many chats already, without a network.
func BenchmarkCalls(b *testing.B) {
	for _, chats := range []int{100, 100_000} {
		b.Run(fmt.Sprint(chats, " chats"), func(b *testing.B) {
			p := giosgtest.New(giosgtest.Options{Manners: &giosgtest.Manners{}, Keep: -1})
			defer p.Close()
			org := p.AddOrg("Acme")
			room := org.AddRoom("Shop", "en")
			bot := org.InstallBot("Helper Bot")
			bot.GoOnline()
			token := "Bearer " + p.Token(bot.User, -1)
			ids := make([]string, chats)
			for i := range ids {
				c := room.OpenChat()
				if _, err := c.Say("hello"); err != nil {
					b.Fatal(err)
				}
				ids[i] = c.ID
			}
			call := func(method, path, body string) {
				r := httptest.NewRequest(method, "/api/v5/users/"+bot.ID+path, strings.NewReader(body))
				r.Header.Set("Authorization", token)
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				p.ServeHTTP(w, r)
				if w.Code >= 500 || w.Code == http.StatusUnauthorized {
					text, _ := io.ReadAll(w.Body)
					b.Fatalf("%s %s: %d %s", method, path, w.Code, text)
				}
			}
			i := 0
			for b.Loop() {
				id := ids[i%len(ids)]
				i++
				call("POST", "/pending_chats/"+id+"/memberships", `{"is_participating": true, "composing_status": "idle"}`)
				call("POST", "/chats/"+id+"/messages", `{"message": "Hi!"}`)
				call("GET", "/chats/"+id+"/messages", "")
				call("GET", "/pending_chats", "")
			}
			b.ReportMetric(4*float64(b.N)/b.Elapsed().Seconds(), "calls/s")
		})
	}
}
