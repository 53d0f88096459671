package giosgtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"
)

// token is what the platform reads from an API token. Tokens are signed, not stored: a long run mints millions.
type token struct {
	word    string // in front of the token
	userID  string
	expires time.Time // zero: never
	version int       // the user's tokenVersion when it was minted
}

// claims are the part of a token's claims that the platform reads again.
type claims struct {
	UserID  string   `json:"user_id"`
	Expires *float64 `json:"exp"`
	Version int      `json:"version"`
}

var (
	base64url = base64.RawURLEncoding
	jwtHeader = base64url.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`))
)

// Token mints an API token of a user, as a webhook or the console would: for a tester that makes calls of its own. A life of 0 means
// Options.TokenLife, a negative one means for ever.
func (p *Platform) Token(u *User, life time.Duration) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if life == 0 {
		life = p.opts.TokenLife
	}
	return p.mintLocked(u, life)
}

func (p *Platform) mintLocked(u *User, life time.Duration) string {
	now := p.nowLocked()
	expires := "null"
	if life > 0 {
		expires = fmt.Sprintf("%.3f", float64(now.Add(life).UnixMilli())/1000)
	}
	body := fmt.Sprintf(`{"organization_id":%q,"scopes":[],"version":%d,"jti":%q,"aud":["https://service.giosg.com"],"exp":%s,`+
		`"user_id":%q,"iss":"giosgtest","iat":%d,"app_id":null}`, u.org.ID, u.tokenVersion, p.uuidLocked(), expires, u.ID, now.Unix())
	signed := jwtHeader + "." + base64url.EncodeToString([]byte(body))
	return signed + "." + base64url.EncodeToString(p.sign(signed))
}

func (p *Platform) sign(text string) []byte {
	mac := hmac.New(sha256.New, p.key[:])
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// readToken reads the token of a request, without a lock; nil when there is none that the platform has signed.
func (p *Platform) readToken(r *http.Request) *token {
	word, text, found := strings.Cut(r.Header.Get("Authorization"), " ")
	end := strings.LastIndexByte(text, '.')
	if !found || end < 0 {
		return nil
	}
	signature, err := base64url.DecodeString(text[end+1:])
	if err != nil || !hmac.Equal(signature, p.sign(text[:end])) {
		return nil
	}
	body, err := base64url.DecodeString(text[strings.IndexByte(text, '.')+1 : end])
	var c claims
	if err != nil || json.Unmarshal(body, &c) != nil {
		return nil
	}
	t := &token{word: word, userID: c.UserID, version: c.Version}
	if c.Expires != nil {
		t.expires = time.UnixMilli(int64(math.Round(*c.Expires * 1000)))
	}
	return t
}

// ownerLocked is the user that a token speaks for now; nil when it speaks for nobody.
func (p *Platform) ownerLocked(t *token) *User {
	if t == nil || t.word != p.opts.TokenType || !t.expires.IsZero() && !p.nowLocked().Before(t.expires) {
		return nil
	}
	u := p.users[t.userID]
	if u == nil || u.tokenVersion != t.version {
		return nil
	}
	return u
}

// RevokeTokens makes all tokens of a user invalid at once.
func (p *Platform) RevokeTokens(u *User) {
	p.mu.Lock()
	defer p.mu.Unlock()
	u.tokenVersion++
}
