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

// Kind classifies the outcome of a call by what it means to the caller.
type Kind int

const (
	// OK is the kind of no error.
	OK Kind = iota
	// Taken: the chat to join is no longer pending, because someone else serves
	// it (404; "Start chatting reactively" in the guide).
	Taken
	// Gone: the resource does not exist, or the bot user cannot see it (404, 410).
	Gone
	// Forbidden: no permission, or the organization's subscription ended (403).
	Forbidden
	// Unauthorized: the token has expired or is refused (401).
	Unauthorized
	// Throttled: too many calls; nothing was done (429). See [RetryAfter].
	Throttled
	// Invalid: this package refused the call before it was made (a bad id or
	// token), or the answer to a read (it is too large, or links to another
	// host). Repeating the call will not help.
	Invalid
	// Temporary: nothing was done, and the call may succeed later. A write of
	// this kind was never sent. A read got a 5xx, a time-out, a broken connection
	// or an answer that cannot be decoded.
	Temporary
	// Unknown: a write was sent and may or may not have taken effect: 5xx, a
	// time-out, a broken connection, or the caller's context ended. Read before
	// repeating it.
	Unknown
	// Canceled: the caller's context ended, and nothing was done.
	Canceled
	// Refused: giosg gave an answer that has no kind of its own: 400, 402, 405,
	// 409, 413, 422, other 4xx, and redirects. The request may be wrong, or giosg
	// may be in trouble: a few repetitions over some minutes tell which. A write
	// had most likely no effect, but read before repeating it.
	Refused
)

var kindNames = [...]string{"ok", "taken", "gone", "forbidden", "unauthorized", "throttled", "invalid", "temporary", "unknown", "canceled", "refused"}

// String returns the kind as one lower-case word, for use as a metric's label.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return "kind(" + strconv.Itoa(int(k)) + ")"
	}
	return kindNames[k]
}

// Error is the error of a failed call.
type Error struct {
	Kind       Kind
	Op         string        // the operation: "send message"
	Method     string        // "POST"
	Path       string        // a pattern with <user>, <chat>, ... in place of ids
	Status     int           // of giosg's answer; 0 if there was none
	RetryAfter time.Duration // how long to wait before the next call; 0 if unknown
	Detail     string        // giosg's error text, shortened; often empty; for people, not for decisions
	Err        error         // the cause, if giosg did not answer or its answer cannot be used
}

// Error returns the operation, the path pattern, the kind and the known cause. It
// contains no ids and no token.
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

// GoString returns no more than Error does.
func (e *Error) GoString() string { return fmt.Sprintf("&giosg.Error{%q}", e.Error()) }

// Unwrap returns the cause, for example context.Canceled.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the [*Error] in err's chain. Without one it returns
// [OK] for nil, [Canceled] for a context's error and [Unknown] for other errors.
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

// RetryAfter returns how long to wait before the next call, or 0 if unknown.
func RetryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

// statusKind returns the kind of an answer ("HTTP status codes" in giosg's API
// reference, which does not mention 409, 429 and 5xx).
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
		return Temporary // both mean that the request was not processed
	case write && (status == http.StatusFound || status == http.StatusSeeOther):
		return Unknown // servers also answer so after a write that took effect
	case status >= 300 && status < 500:
		return Refused
	case write:
		return Unknown
	}
	return Temporary
}

const maxRetryAfter = 24 * time.Hour

// parseRetryAfter parses both forms of Retry-After. It returns 0 if there is none.
// A date is compared with the Date of the same answer, so that a difference
// between the clocks does not matter.
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
