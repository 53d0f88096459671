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

// TokenStore is Tokens for one process or for several replicas, which share their tokens in Redis. There the tokens are encrypted with
// AES-GCM, under a key that is derived from the webhook secrets, and are deleted when they expire.
type TokenStore struct {
	local  *Tokens
	client redis.UniversalClient // nil for a single process
	prefix string
	seals  []cipher.AEAD // the first encrypts, any decrypts, so that secrets can be rotated

	mu     sync.Mutex
	shared map[UserID]time.Time // when a token was last written to Redis; guarded by mu
}

// shareEvery is the least time between two writes of a bot user's token to Redis. Every webhook brings a token, and each is valid for
// minutes.
const shareEvery = 10 * time.Second

// NewTokenStore returns a store in memory and, if client is not nil, in Redis, where the keys begin with prefix.
func NewTokenStore(local *Tokens, client redis.UniversalClient, prefix string, secrets []Secret) (*TokenStore, error) {
	s := &TokenStore{local: local, client: client, prefix: prefix, shared: map[UserID]time.Time{}}
	if client == nil {
		return s, nil
	}
	for _, secret := range secrets {
		if secret == "" {
			return nil, fmt.Errorf("giosg: tokens cannot be encrypted with an empty secret")
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
		return nil, fmt.Errorf("giosg: sharing tokens needs a secret to encrypt them with")
	}
	return s, nil
}

// Put keeps a token as Tokens.Put does, and shares it. It is no error if sharing fails, because this process has the token.
func (s *TokenStore) Put(ctx context.Context, t Token) (first bool) {
	first = s.local.Put(t)
	if s.client == nil {
		return first
	}
	t, ok := s.local.Get(t.User) // t may be older than the one held, or refused
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

// unshared makes the next Put share the user's token at once.
func (s *TokenStore) unshared(u UserID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.shared, u)
}

// Get returns a valid token of the user, if any replica has one.
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

// Refuse removes a token that giosg does not accept, as Tokens.Refuse does.
func (s *TokenStore) Refuse(_ context.Context, t Token) {
	s.local.Refuse(t)
	s.unshared(t.User)
}

// All returns the valid tokens that this process holds.
func (s *TokenStore) All() []Token { return s.local.All() }

func (s *TokenStore) key(u UserID) string { return s.prefix + ":token:" + string(u) }
