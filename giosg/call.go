package giosg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Session is a client with a bot user's token bound to it. It is safe for
// concurrent use.
//
// [Config.Timeout] limits each call; for a list, each page. Every error is an
// [*Error]. The comment of a method lists the kinds that are special to it. Any
// method can also return Unauthorized, Forbidden, Throttled, Refused, Invalid,
// Temporary and Canceled, and a method that writes can return Unknown.
type Session struct {
	c     *Client
	token sealed
	retry func(context.Context, error) bool // nil: never
}

// WithRetry returns a session that calls retry after each read that failed, and
// repeats the read if retry returns true. retry may wait before it returns. A
// list continues with the page that failed. Writes are not repeated, because
// the caller may have to read first.
func (s *Session) WithRetry(retry func(context.Context, error) bool) *Session {
	return &Session{c: s.c, token: s.token, retry: retry}
}

// Token returns the bound token, for [Tokens.Refuse].
func (s *Session) Token() Token { return *s.token() }

// route is one endpoint of the API.
type route struct {
	op     string
	method string
	path   string // with <user>, <org>, <chat>, ... in place of ids
	takes  bool   // whether a 404 means Taken
}

// fail returns an error for a call that got no answer.
func (r *route) fail(kind Kind, err error) *Error {
	return &Error{Kind: kind, Op: r.op, Method: r.method, Path: r.path, Err: err}
}

// url returns the route's URL with the ids filled in, in their order. It checks
// each id.
func (r *route) url(prefix string, ids ...string) (string, error) {
	var b strings.Builder
	b.Grow(len(prefix) + len(r.path) + 40*len(ids))
	b.WriteString(prefix)
	rest := r.path
	for _, id := range ids {
		head, tail, _ := strings.Cut(rest, "<")
		name, tail, ok := strings.Cut(tail, ">")
		if !ok {
			return "", r.fail(Invalid, errors.New("more ids than the path has places"))
		}
		if err := CheckID(id); err != nil {
			return "", r.fail(Invalid, fmt.Errorf("%s: %w", name, err))
		}
		b.WriteString(head)
		b.WriteString(id)
		rest = tail
	}
	b.WriteString(rest)
	return b.String(), nil
}

// one makes one call and decodes its answer. The answer to a write may be
// incomplete: what cannot be decoded stays zero.
func one[T any](ctx context.Context, s *Session, r *route, body []byte, ids ...string) (v T, err error) {
	url, err := r.url(s.c.prefix, ids...)
	if err != nil {
		return v, err
	}
	err = s.call(ctx, r, url, body, &v)
	return v, err
}

// do makes one write and ignores the content of the answer.
func (s *Session) do(ctx context.Context, r *route, body []byte, ids ...string) error {
	url, err := r.url(s.c.prefix, ids...)
	if err != nil {
		return err
	}
	return s.call(ctx, r, url, body, nil)
}

// call makes one HTTP call, and repeats it if it is a read and the session's
// retry function asks for it. out may be nil.
func (s *Session) call(ctx context.Context, r *route, url string, body []byte, out any) error {
	for {
		err := s.once(ctx, r, url, body, out)
		if err == nil || s.retry == nil || r.method != http.MethodGet || !s.retry(ctx, err) {
			return err
		}
	}
}

func (s *Session) once(ctx context.Context, r *route, url string, body []byte, out any) error {
	token := s.token()
	if err := checkTokenType(token.Type); err != nil {
		return r.fail(Invalid, fmt.Errorf("token type: %w", err))
	}
	if err := checkTokenValue(token.Value); err != nil {
		return r.fail(Invalid, fmt.Errorf("token: %w", err))
	}
	limit := s.c.limits.of(token.User)
	probe, err := limit.enter(ctx, r)
	if err != nil {
		return err
	}
	status, err := 0, error(r.fail(Unknown, errors.New("the call panicked")))
	defer func() { limit.leave(probe, status, err) }()
	status, err = s.inSlot(ctx, token, r, url, body, out)
	return err
}

// inSlot makes a call that has its slot.
func (s *Session) inSlot(ctx context.Context, token *Token, r *route, url string, body []byte, out any) (int, error) {
	ctx, limited, cancel, err := s.c.timed(ctx, r)
	defer cancel()
	if err != nil {
		return 0, err
	}
	start := time.Now()
	status, err := s.c.roundTrip(ctx, limited, token, r, url, body, out)
	if s.c.observe != nil {
		s.c.observe(Call{Op: r.op, Method: r.method, Path: r.path, Status: status, Kind: KindOf(err), Duration: time.Since(start)})
	}
	return status, err
}

// roundTrip sends the request and decodes the answer. The call ends with
// limited; ctx is the part of it that the caller set.
func (c *Client) roundTrip(ctx, limited context.Context, token *Token, r *route, url string, body []byte, out any) (status int, err error) {
	req := c.http.R().SetContext(limited)
	req.Header["Authorization"] = []string{token.Type + " " + token.Value.Reveal()}
	if body != nil {
		req.Header["Content-Type"] = []string{"application/json"}
		req.SetBody(body)
	}
	res, err := req.Execute(r.method, url)
	if res == nil {
		return 0, r.fail(Invalid, causeOf(err, token.Value)) // resty refused the request
	}
	if err != nil {
		return 0, cut(ctx, token, r, 0, err)
	}
	raw := res.RawResponse
	defer raw.Body.Close()
	status = raw.StatusCode

	buf := buffers.Get().(*bytes.Buffer)
	defer release(buf)
	whole, err := readBody(buf, raw, c.maxBody)
	if kind := statusKind(r, status); kind != OK {
		return status, &Error{
			Kind: kind, Op: r.op, Method: r.method, Path: r.path, Status: status,
			RetryAfter: parseRetryAfter(raw.Header, time.Now()), Detail: detailOf(buf.Bytes(), token.Value),
		}
	}
	if err != nil {
		return status, cut(ctx, token, r, status, err)
	}
	if out == nil {
		return status, nil
	}
	if r.method != http.MethodGet {
		// The write has taken effect, so an answer that cannot be decoded is no
		// error. It may be empty.
		if whole {
			_ = unmarshal(buf.Bytes(), out)
		}
		return status, nil
	}
	if !whole {
		e := r.fail(Invalid, fmt.Errorf("the answer is larger than %d bytes", c.maxBody))
		e.Status = status
		return status, e
	}
	if err := unmarshal(buf.Bytes(), out); err != nil {
		e := r.fail(Temporary, causeOf(fmt.Errorf("the answer cannot be decoded: %w", err), token.Value))
		e.Status = status
		return status, e
	}
	return status, nil
}

// cut returns the error of a call whose answer did not arrive, or not
// completely.
func cut(ctx context.Context, token *Token, r *route, status int, err error) *Error {
	_, unsent := errors.AsType[*unsentError](err)
	e := r.fail(Temporary, causeOf(err, token.Value))
	e.Status = status
	switch {
	case r.method != http.MethodGet && !unsent:
		e.Kind = Unknown
	case late(ctx) != nil:
		e.Kind = Canceled
	}
	return e
}

const (
	maxErrorBody = 64 << 10 // bytes read of an error's body
	maxKept      = 64 << 10 // bytes; larger buffers are not reused
)

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func release(b *bytes.Buffer) {
	if b.Cap() <= maxKept {
		b.Reset()
		buffers.Put(b)
	}
}

// readBody reads the body to its end, so that the connection can be reused. It
// stops at the limit; whole reports whether the body was within it.
func readBody(buf *bytes.Buffer, res *http.Response, limit int64) (whole bool, err error) {
	if res.StatusCode >= 300 {
		limit = min(limit, maxErrorBody)
	}
	if res.ContentLength > limit {
		return false, nil
	}
	n, err := buf.ReadFrom(io.LimitReader(res.Body, limit+1))
	return n <= limit, err
}
