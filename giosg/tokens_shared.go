package giosg

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// TokenStore is Tokens for one process or for a fleet: with Redis, each replica finds there the tokens that came to the others. They lie
// there sealed with AES-GCM, under a key derived from the webhook secrets, and end when they expire.
type TokenStore struct {
	local  *Tokens
	client redis.UniversalClient // nil: this process is alone
	prefix string
	seals  []cipher.AEAD // the first seals, all open: secrets can be rotated

	mu     sync.Mutex
	shared map[UserID]time.Time // when a token was last written to Redis; guarded by mu
}

// shareEvery bounds how often a bot user's token is written to Redis: every webhook brings one, and a token serves for minutes.
const shareEvery = 10 * time.Second

// NewTokenStore returns a store in memory; with a client also in Redis, under names that begin with prefix.
func NewTokenStore(local *Tokens, client redis.UniversalClient, prefix string, secrets []Secret) (*TokenStore, error) {
	s := &TokenStore{local: local, client: client, prefix: prefix, shared: map[UserID]time.Time{}}
	if client == nil {
		return s, nil
	}
	for _, secret := range secrets {
		if secret == "" {
			return nil, fmt.Errorf("giosg: an empty secret seals no tokens")
		}
		key, err := hkdf.Key(sha256.New, []byte(secret.Reveal()), nil, "giosg bot user tokens", 32)
		if err != nil {
			return nil, fmt.Errorf("giosg: deriving the key of the tokens: %w", err)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("giosg: deriving the key of the tokens: %w", err)
		}
		seal, err := cipher.NewGCM(block)
		if err != nil {
			return nil, fmt.Errorf("giosg: deriving the key of the tokens: %w", err)
		}
		s.seals = append(s.seals, seal)
	}
	if len(s.seals) == 0 {
		return nil, fmt.Errorf("giosg: sharing tokens needs a secret to seal them with")
	}
	return s, nil
}

// Put keeps a token, as Tokens.Put does, and shares it. Sharing that fails is not an error: the token is here.
func (s *TokenStore) Put(ctx context.Context, t Token) (first bool) {
	first = s.local.Put(t)
	if s.client == nil {
		return first
	}
	t, ok := s.local.Get(t.User) // what came may be older than what is held, or refused
	if !ok || !s.due(t.User, first) {
		return first
	}
	plain, err := json.Marshal(sealedToken{t.Org, t.Type, t.Value.Reveal(), t.Expires.UnixMilli()})
	if err != nil {
		return first
	}
	nonce := make([]byte, s.seals[0].NonceSize())
	_, _ = rand.Read(nonce)
	sealed := s.seals[0].Seal(nonce, nonce, plain, []byte(t.User))
	life := time.Until(t.Expires)
	if life <= 0 || s.client.Set(ctx, s.key(t.User), sealed, life).Err() != nil {
		s.unshared(t.User)
	}
	return first
}

type sealedToken struct {
	Org     OrgID
	Type    string
	Value   string
	Expires int64 // ms
}

func (s *TokenStore) due(u UserID, first bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !first && time.Since(s.shared[u]) < shareEvery {
		return false
	}
	if len(s.shared) > 10000 {
		clear(s.shared)
	}
	s.shared[u] = time.Now()
	return true
}

// unshared says that the user's next token is news to the others.
func (s *TokenStore) unshared(u UserID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.shared, u)
}

// Get returns a valid token of a user, if any replica has one.
func (s *TokenStore) Get(ctx context.Context, user UserID) (Token, bool) {
	if t, ok := s.local.Get(user); ok || s.client == nil {
		return t, ok
	}
	sealed, err := s.client.Get(ctx, s.key(user)).Bytes()
	if err != nil {
		return Token{}, false
	}
	for _, seal := range s.seals {
		if len(sealed) < seal.NonceSize() {
			break
		}
		plain, err := seal.Open(nil, sealed[:seal.NonceSize()], sealed[seal.NonceSize():], []byte(user))
		var t sealedToken
		if err != nil || json.Unmarshal(plain, &t) != nil {
			continue
		}
		s.local.Put(Token{User: user, Org: t.Org, Type: t.Type, Value: Secret(t.Value), Expires: time.UnixMilli(t.Expires)})
	}
	return s.local.Get(user)
}

// Refuse says that giosg does not accept a token.
func (s *TokenStore) Refuse(_ context.Context, t Token) {
	s.local.Refuse(t)
	s.unshared(t.User)
}

// All lists the tokens that this process holds.
func (s *TokenStore) All() []Token { return s.local.All() }

func (s *TokenStore) key(u UserID) string { return s.prefix + ":token:" + string(u) }
