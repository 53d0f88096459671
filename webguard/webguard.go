// Package webguard protects web pages that have no password from pages of other sites in the same browser.
//
// Every answer gets headers that keep other sites from framing, loading or reading it. A request that such a site has made is refused, and
// on a loopback address so is a request for a name that is not a loopback name: another site may let its own name resolve to 127.0.0.1.
//
// It does not protect from programs, nor from people who can reach the address.
package webguard

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Guard says what is protected and how.
type Guard struct {
	// Images lists sources of images, besides the page's own, as Content-Security-Policy writes them. It may be empty.
	Images string
	// LoopbackOnly refuses other than loopback names on every address. Without it they are refused on loopback addresses only.
	LoopbackOnly bool
	// Refuse answers a request that is refused.
	Refuse func(w http.ResponseWriter, status int, text string)
}

// Wrap returns a handler that passes on to next what it does not refuse.
func (g Guard) Wrap(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	policy := g.policy()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setHeaders(w.Header(), policy)
		switch {
		case (g.LoopbackOnly || onLoopback(r)) && !Loopback(r.Host):
			g.Refuse(w, http.StatusMisdirectedRequest, "this server answers to localhost, 127.0.0.1 and [::1] only; a proxy in front of it must send one of them as Host")
		case cross.Check(r) != nil:
			g.Refuse(w, http.StatusForbidden, "this request comes from a page of another site, which may not change anything here")
		case fromOtherSite(r):
			g.Refuse(w, http.StatusForbidden, "this request comes from a page of another site, which may not read anything here")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func (g Guard) policy() string {
	images := strings.TrimSpace("'self' " + g.Images)
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src " + images +
		"; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

func setHeaders(h http.Header, policy string) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// fromOtherSite reports whether a page of another site loads this one as a part of itself. A link to this page is not such a request.
func fromOtherSite(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return false
	}
	return r.Header.Get("Sec-Fetch-Dest") != "document"
}

func onLoopback(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ok && Loopback(local.String())
}

// Loopback reports whether a host, with or without a port, is a loopback address or localhost. IPv6 addresses may have a zone.
func Loopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	} else if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
