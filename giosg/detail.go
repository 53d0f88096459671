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

// detailOf returns the "detail" of an error answer. giosg does not document its
// error bodies; this is the usual form of the framework that it uses.
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

// causeOf removes from a transport's error what must not be shown: the URL with
// its ids, and any part of the token that a server may have echoed.
func causeOf(err error, secret Secret) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if u, ok := errors.AsType[*unsentError](err); ok {
		err = u.err
	}
	if holdsSecret(err.Error(), secret) {
		return errors.New("the cause contains a secret and is not shown")
	}
	return err
}

// holdsSecret reports whether s contains eight characters of the secret in a
// row, or anything that looks like a signed token.
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

// clip shortens s to at most n bytes without splitting a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "..."
}
