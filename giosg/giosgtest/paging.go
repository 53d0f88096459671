package giosgtest

import (
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// page is a paginated collection.
type page struct {
	Next     *string `json:"next"`
	Previous *string `json:"previous"` // always null
	Results  []any   `json:"results"`
}

// cursor returns the place that the request's cursor names, or 0 without one.
func (q *query) cursor() (at int64, denied reply, ok bool) {
	text := q.values.Get("cursor")
	if text == "" {
		return 0, reply{}, true
	}
	plain, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		at, err = strconv.ParseInt(strings.TrimPrefix(string(plain), "p="), 10, 64)
	}
	if err != nil || at < 0 {
		return 0, detail(http.StatusNotFound, "Invalid cursor"), false
	}
	return at, reply{}, true
}

// nextLocked returns the address of the page after the given place.
func (q *query) nextLocked(at int64) *string {
	values := maps.Clone(q.values)
	if values == nil {
		values = url.Values{}
	}
	values.Set("cursor", base64.RawURLEncoding.EncodeToString([]byte("p="+strconv.FormatInt(at, 10))))
	base := q.base
	switch {
	case q.p.opts.NextBase != "":
		base = q.p.opts.NextBase
	case q.p.opts.RelativeNext:
		base = q.p.opts.BasePath
	}
	next := base + q.call.Path + "?" + values.Encode()
	return &next
}

// listLocked answers with a page of a list of n elements, to which elements are only appended. show returns the resource of one, or nil to
// leave it out.
func (q *query) listLocked(n int, newestFirst bool, show func(i int) any) reply {
	at, denied, fine := q.cursor()
	if !fine {
		return denied
	}
	out := page{Results: []any{}}
	step, i, end := 1, int(min(at, int64(n))), n
	if newestFirst {
		step, end = -1, -1
		i = n - 1
		if at > 0 {
			i = min(i, int(at)-1)
		}
	}
	for ; i != end; i += step {
		resource := show(i)
		if resource == nil {
			continue
		}
		if len(out.Results) == q.p.opts.PageSize {
			place := i
			if newestFirst {
				place = i + 1
			}
			out.Next = q.nextLocked(int64(place))
			break
		}
		out.Results = append(out.Results, resource)
	}
	return ok(out)
}

// shelfLocked answers with a page of the chats on a shelf that keep accepts.
func (q *query) shelfLocked(s *shelf, keep func(*Chat) bool) reply {
	return q.shownLocked(s, keep, func(c *Chat) any { return c.resourceLocked() })
}

// shownLocked is like shelfLocked, but show makes the resource of each chat.
func (q *query) shownLocked(s *shelf, keep func(*Chat) bool, show func(*Chat) any) reply {
	at, denied, fine := q.cursor()
	if !fine {
		return denied
	}
	out := page{Results: []any{}}
	last := at
	s.walk(at, !q.p.opts.OldestChatsFirst, func(seq int64, c *Chat) bool {
		if keep != nil && !keep(c) {
			return true
		}
		if len(out.Results) == q.p.opts.PageSize {
			out.Next = q.nextLocked(last)
			return false
		}
		out.Results = append(out.Results, show(c))
		last = seq
		return true
	})
	return ok(out)
}
