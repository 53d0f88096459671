package giosg

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxDetail = 200 // bytes
	maxCause  = 300 // bytes
)

// detailOf takes the "detail" of an error answer. Error bodies are not
// described by giosg; this is the usual shape of the framework behind it.
func detailOf(body []byte, secret Secret) string {
	var b struct {
		Detail any `json:"detail"`
	}
	if json.Unmarshal(body, &b) != nil {
		return ""
	}
	s, _ := b.Detail.(string)
	if holdsSecret(s, secret) {
		return ""
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s)
	return clip(strings.TrimSpace(s), maxDetail)
}

// causeOf strips from a transport's error what must not be seen: the URL with
// its ids, and any word of the token that a server may have echoed.
func causeOf(err error, secret Secret) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if u, ok := errors.AsType[*unsentError](err); ok {
		err = u.err
	}
	if holdsSecret(err.Error(), secret) {
		return errors.New("the cause holds a secret and is not shown")
	}
	return err
}

// holdsSecret tells whether s has a noticeable part of the secret, or anything
// that looks like a signed token.
func holdsSecret(s string, secret Secret) bool {
	const noticeable = 8 // characters
	if strings.Contains(s, "eyJ") {
		return true
	}
	low, v := strings.ToLower(s), strings.ToLower(secret.Reveal())
	if v == "" {
		return false
	}
	if len(v) < noticeable {
		return strings.Contains(low, v)
	}
	for i := 0; i+noticeable <= len(low); i++ {
		if strings.Contains(v, low[i:i+noticeable]) {
			return true
		}
	}
	return false
}

// clip shortens s to at most n bytes, on a character's border.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "..."
}
