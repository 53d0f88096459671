package giosg

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// page is one page of a list ("Paginated collections" in giosg's API concepts).
type page[T any] struct {
	Next    string `json:"next"` // a full URL, or null
	Results []T    `json:"results"`
}

// list reads the pages of a list until it has limit elements, or all pages if
// limit is not positive.
func list[T any](ctx context.Context, s *Session, r *route, limit int, ids ...string) ([]T, error) {
	at, err := r.url(s.c.prefix, ids...)
	if err != nil {
		return nil, err
	}
	var all []T
	seen := map[string]bool{at: true}
	for n := 1; ; n++ {
		var p page[T]
		if err := readPage(ctx, s, r, at, &p); err != nil {
			return nil, err
		}
		if n == 1 {
			all = p.Results
		} else {
			all = append(all, p.Results...)
		}
		if limit > 0 && len(all) >= limit {
			return all[:limit], nil
		}
		if p.Next == "" {
			return all, nil
		}
		if n >= s.c.maxPages {
			return nil, r.fail(Invalid, fmt.Errorf("the list has more than %d pages", s.c.maxPages))
		}
		if at, err = s.c.follow(at, p.Next); err != nil {
			return nil, r.fail(Invalid, err)
		}
		if seen[at] {
			return nil, r.fail(Invalid, errCycle)
		}
		seen[at] = true
	}
}

var errCycle = errors.New("the list's page links form a cycle")

func readPage[T any](ctx context.Context, s *Session, r *route, at string, p *page[T]) error {
	if err := s.call(ctx, r, at, nil, p); err != nil {
		return err
	}
	if p.Results == nil { // not a page: if it counted as an empty one, a bot might repeat itself
		return r.fail(Temporary, errors.New("the answer cannot be decoded: it has no results"))
	}
	return nil
}

const maxLink = 4096 // bytes

// follow resolves the link to the next page. It refuses links to another host or
// outside the API, because the token must not be sent there.
func (c *Client) follow(at, next string) (string, error) {
	if len(next) > maxLink {
		return "", errors.New("the link to the next page is too long")
	}
	from, err := url.Parse(at)
	if err != nil {
		return "", errors.New("the link to this page cannot be parsed")
	}
	link, err := url.Parse(next)
	if err != nil {
		return "", errors.New("the link to the next page cannot be parsed")
	}
	to := from.ResolveReference(link)
	switch {
	case to.User != nil || to.Opaque != "":
		return "", errors.New("the link to the next page is not a plain URL")
	case to.Scheme != c.base.Scheme || hostPort(to) != hostPort(c.base):
		return "", errors.New("the link to the next page leads to another host")
	}
	path := strings.TrimSuffix(to.EscapedPath(), "/")
	if !plainPath(path) || !strings.HasPrefix(path, c.base.Path+"/") {
		return "", errors.New("the link to the next page leads out of the API")
	}
	// With our spelling of the host, so that its connections are reused.
	out := url.URL{Scheme: c.base.Scheme, Host: c.base.Host, Path: to.Path, RawQuery: to.RawQuery}
	return out.String(), nil
}

// hostPort returns the host in lower case, with the scheme's default port if it
// has none.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return strings.ToLower(u.Hostname()) + ":" + port
}

// inOrder sorts messages by time, oldest first, and removes duplicates. giosg's
// documents disagree about the direction of the list. Messages of the same time
// keep the order of the list.
func inOrder(ms []Message) []Message {
	if n := len(ms); n > 1 && ms[n-1].CreatedAt.Before(ms[0].CreatedAt.Time) {
		slices.Reverse(ms)
	}
	slices.SortStableFunc(ms, func(a, b Message) int { return a.CreatedAt.Compare(b.CreatedAt.Time) })
	seen := make(map[MessageID]bool, len(ms))
	return slices.DeleteFunc(ms, func(m Message) bool {
		again := m.ID != "" && seen[m.ID]
		seen[m.ID] = true
		return again
	})
}
