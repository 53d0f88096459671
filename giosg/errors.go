package giosg

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Kind says what a failed call means to the one who made it.
type Kind int

const (
	// OK is the kind of no error.
	OK Kind = iota
	// Taken: a pending chat could not be joined because it is pending no more;
	// someone else has it (404; "Start chatting reactively" in the guide).
	Taken
	// Gone: no such resource, or not ours to see (404, 410).
	Gone
	// Forbidden: no permission, or the organization's subscription ended (403).
	Forbidden
	// Unauthorized: the token has expired or is refused (401).
	Unauthorized
	// Throttled: too many calls; nothing was done (429). See [RetryAfter].
	Throttled
	// Invalid: the request itself is refused, by giosg (400, 405, 413, 422 and
	// other 4xx, redirects) or by this package before any call was made (a bad
	// id, a foreign page link). Repeating it will not help.
	Invalid
	// Temporary: nothing was done, and it may work later. For writes this is
	// sure: the request never went out. For reads it is any 5xx, time-out, cut
	// connection or answer that cannot be read.
	Temporary
	// Unknown: a write went out and its fate is not known: timed out, cut off,
	// 5xx, or the caller's context ended meanwhile. Look before repeating it.
	Unknown
	// Canceled: the caller's context ended, and nothing was done.
	Canceled
)

var kindNames = [...]string{"ok", "taken", "gone", "forbidden", "unauthorized", "throttled", "invalid", "temporary", "unknown", "canceled"}

// String returns the kind in one lower-case word, fit for a metric's label.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return "kind(" + strconv.Itoa(int(k)) + ")"
	}
	return kindNames[k]
}

// Error is what every failed call returns.
type Error struct {
	Kind       Kind
	Op         string        // what was being done: "send message"
	Method     string        // "POST"
	Path       string        // a pattern with <user>, <chat>, ... in place of ids: fit for a metric's label
	Status     int           // of giosg's answer; 0 when there was none
	RetryAfter time.Duration // what giosg asked for; 0 when it did not
	Detail     string        // giosg's own words, shortened; often empty, never a base for decisions
	Err        error         // the cause, when giosg did not answer or its answer could not be used
}

// Error tells the operation, the request pattern, the kind and what is known of
// the cause. It holds no ids and no token.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Method != "" {
		b.WriteString(": " + e.Method + " " + e.Path)
	}
	b.WriteString(": ")
	if e.Status != 0 {
		b.WriteString(strconv.Itoa(e.Status) + " ")
	}
	b.WriteString(e.Kind.String())
	if e.RetryAfter > 0 {
		b.WriteString(", retry after " + e.RetryAfter.String())
	}
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	if e.Err != nil {
		b.WriteString(": " + clip(e.Err.Error(), maxCause))
	}
	return b.String()
}

// GoString is Error, so that %#v shows no more than the other verbs.
func (e *Error) GoString() string { return fmt.Sprintf("&giosg.Error{%q}", e.Error()) }

// Unwrap returns the cause: errors.Is finds context.Canceled and the like.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the [*Error] in err's chain: [OK] for nil,
// [Canceled] for an error of a context, [Unknown] for anything else, which did
// not come from this package.
func KindOf(err error) Kind {
	if err == nil {
		return OK
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return Canceled
	}
	return Unknown
}

// IsError reports whether an error comes from a call of this package, or from
// the end of its context.
func IsError(err error) bool {
	_, ok := errors.AsType[*Error](err)
	return ok
}

// RetryAfter returns how long giosg asked to be left alone, or 0.
func RetryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

// statusKind turns giosg's answer into a kind ("HTTP status codes" in giosg's
// API reference; nothing is said there of 409, 429 and 5xx).
func statusKind(r *route, status int) Kind {
	write := r.method != http.MethodGet
	switch {
	case status >= 200 && status < 300:
		return OK
	case status == http.StatusNotFound && r.takes:
		return Taken
	case status == http.StatusNotFound, status == http.StatusGone:
		return Gone
	case status == http.StatusUnauthorized:
		return Unauthorized
	case status == http.StatusForbidden:
		return Forbidden
	case status == http.StatusTooManyRequests:
		return Throttled
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly:
		return Temporary // both say that the request was not looked at
	case write && (status == http.StatusFound || status == http.StatusSeeOther):
		return Unknown // what a server says after it has done a write, too
	case status >= 300 && status < 500:
		return Invalid
	case write:
		return Unknown
	}
	return Temporary
}

const maxRetryAfter = 24 * time.Hour

// parseRetryAfter reads both forms of Retry-After; 0 if there is none. A date is compared with the
// Date of the same answer, so that the two clocks need not agree.
func parseRetryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	if n, err := strconv.ParseFloat(v, 64); err == nil {
		switch {
		case math.IsNaN(n) || n < 0:
			return 0
		case n > maxRetryAfter.Seconds():
			return maxRetryAfter
		}
		return time.Duration(n * float64(time.Second))
	}
	when, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(when.Sub(now), 0), maxRetryAfter)
}
