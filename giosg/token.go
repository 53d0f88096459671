package giosg

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"
)

const redacted = "[redacted]"

// Secret is a string that must not be shown. Printed with any verb, logged or
// marshalled, it is "[redacted]". [Secret.Reveal] returns the string itself.
//
// The fmt package does not call methods of unexported fields, nor of values
// behind a pointer inside a struct. So a struct with a secret that may be printed
// needs a Format method of its own, as [Token] has, or it holds a [Session],
// which never shows its token.
type Secret string

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String returns "[redacted]".
func (s Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (s Secret) GoString() string { return redacted }

// Format writes "[redacted]" whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue returns "[redacted]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON returns "[redacted]" in quotes.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns "[redacted]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Token is an API token of a bot user, which came with a webhook ("Authentication
// to the API" in the guide). Printed or logged, it shows everything but its value.
type Token struct {
	User    UserID
	Org     OrgID
	Type    string // the first word of the Authorization header, as giosg sent it
	Value   Secret
	Expires time.Time
}

// Format writes the token without its value, whatever the verb.
func (t Token) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "{%s %s %s %s %s}", string(t.User), string(t.Org), t.Type, redacted, t.Expires.Format(time.RFC3339))
}

// LogValue returns everything but the value.
func (t Token) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("user", string(t.User)),
		slog.String("org", string(t.Org)),
		slog.String("type", t.Type),
		slog.Time("expires", t.Expires),
	)
}

// sealed holds a token where fmt cannot see it: a function is printed as an
// address with any verb, also in unexported fields.
type sealed func() *Token

func seal(t Token) sealed { return func() *Token { return &t } }

const (
	maxTokenType  = 32   // characters
	maxTokenValue = 8192 // bytes; most servers refuse larger headers
)

// checkTokenType accepts a single word, as it becomes the first word of the
// Authorization header.
func checkTokenType(s string) error {
	if s == "" {
		return errors.New("missing")
	}
	if len(s) > maxTokenType {
		return fmt.Errorf("longer than %d characters", maxTokenType)
	}
	for i := range len(s) {
		if !isIDByte(s[i]) {
			return errors.New("not a plain word")
		}
	}
	return nil
}

// checkTokenValue accepts visible ASCII only, so that a token cannot add another
// header.
func checkTokenValue(s Secret) error {
	v := s.Reveal()
	if v == "" {
		return errors.New("missing")
	}
	if len(v) > maxTokenValue {
		return fmt.Errorf("longer than %d bytes", maxTokenValue)
	}
	for i := range len(v) {
		if v[i] <= ' ' || v[i] > '~' {
			return errors.New("holds a character that no token has")
		}
	}
	return nil
}
