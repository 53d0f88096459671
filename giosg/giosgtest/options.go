package giosgtest

import (
	"net/http"
	"time"
)

// Options configure a Platform. The zero value of each is the default: a platform that misbehaves, with small pages. Where giosg's
// documentation says nothing, an option names the choice, and a bot should be tested with both settings.
type Options struct {
	// Seed makes the random choices (duplicates, lag, faults) repeatable; 0 means 1. Ids are random with every seed, so that
	// platforms that share a store do not share chats.
	Seed uint64
	// Manners say how webhooks are sent and how often API calls fail at random; nil means Rude(). To change them, set others with
	// Configure.
	Manners *Manners
	// PageSize is the number of results in one page of any list; 0 means 3.
	PageSize int
	// NewestFirst lists messages newest first instead of oldest first.
	NewestFirst bool
	// Ordering says what the ordering parameter does for lists of messages.
	Ordering Ordering
	// OldestChatsFirst lists chats oldest first instead of newest first.
	OldestChatsFirst bool
	// RelativeNext makes next and previous paths instead of full URLs.
	RelativeNext bool
	// NextBase replaces scheme, host and base path of next and previous, to test what a client does with another host.
	NextBase string
	// BasePath is a prefix in front of /api/v5, to find clients that build URLs from the host alone. It has no trailing slash.
	BasePath string
	// TokenLife is how long a webhook's token is valid; 0 means 300 s.
	TokenLife time.Duration
	// TokenType is the word in front of the token; empty means Bearer.
	TokenType string
	// ReadLag hides a message from message lists until it is this old.
	ReadLag time.Duration
	// EndedStatus answers a write to an ended chat; 0 means 400.
	EndedStatus int
	// MaxMessage is the longest message in characters; 0 means 2000.
	MaxMessage int
	// RepeatTakeOK answers 200 when a user takes a pending chat that it has taken already. By default the answer is 404, because the
	// chat is no longer pending.
	RepeatTakeOK bool
	// RequeueOnLeave puts a chat that was waiting once back among the pending ones when its last present participant leaves.
	RequeueOnLeave bool
	// HideRoutedMessages answers 404 to GET routed_chats/<chat>/messages.
	HideRoutedMessages bool
	// ForgetExpiredClients hides expired user clients from lists and answers 404 to a PATCH of one. By default they are listed, and
	// a PATCH revives one with 201.
	ForgetExpiredClients bool
	// Exclusive obeys ?exclusive=true on joins: 400 when another present user participates.
	Exclusive bool
	// IgnoreFilters ignores the is_ended and is_participating parameters of chat lists.
	IgnoreFilters bool
	// SameMillisecond lets messages of a chat share a created_at. By default each is at least 1 ms after the one before.
	SameMillisecond bool
	// EmptyAnswers sends no body with answers to POST and PATCH.
	EmptyAnswers bool
	// Keep bounds how many calls, deliveries and events are remembered, each; 0 means 20000, negative means none.
	Keep int
	// Now is the clock under Advance; nil means time.Now.
	Now func() time.Time
}

// Ordering is what the platform does with the ordering parameter of a list of messages.
type Ordering int

const (
	// IgnoreOrdering lists messages as without the parameter.
	IgnoreOrdering Ordering = iota
	// ObeyOrdering lists messages by created_at or -created_at, and answers 400 for anything else.
	ObeyOrdering
	// RefuseOrdering answers 400.
	RefuseOrdering
)

func (o Options) withDefaults() Options {
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Manners == nil {
		o.Manners = Rude()
	}
	if o.PageSize <= 0 {
		o.PageSize = 3
	}
	if o.TokenLife == 0 {
		o.TokenLife = 300 * time.Second
	}
	if o.TokenType == "" {
		o.TokenType = "Bearer"
	}
	if o.EndedStatus == 0 {
		o.EndedStatus = http.StatusBadRequest
	}
	if o.MaxMessage == 0 {
		o.MaxMessage = 2000
	}
	if o.Keep == 0 {
		o.Keep = 20000
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Manners say how the platform sends webhooks and how often API calls fail at random. With the zero value every webhook is sent once and
// without delay, webhooks are sent in parallel, and no call fails.
type Manners struct {
	// Duplicate is the chance that a webhook is sent more than once; Copies is the most extra copies (0 means 1).
	Duplicate float64
	Copies    int
	// Drop is the chance that a webhook is never sent.
	Drop float64
	// LagMin and LagMax bound the wait before sending. Different waits reorder webhooks.
	LagMin, LagMax time.Duration
	// Attempts is how often a webhook is tried until it gets a 2xx; 0 means 1. Backoff is the wait before the second attempt and
	// doubles from there.
	Attempts int
	Backoff  time.Duration
	// Timeout of one attempt; 0 means 10 s.
	Timeout time.Duration
	// InOrder sends the webhooks of one chat to one bot one after the other, in the order of the changes.
	InOrder bool
	// KeepToken makes the token when the change happens, so that copies and late attempts carry an old one. By default every attempt
	// carries a new token.
	KeepToken bool
	// Fail503 and Fail500After are the chances that an API call answers 503 without effect, or 500 after having taken effect.
	Fail503, Fail500After float64
	// CutAfter is the chance that the connection is closed after the call has taken effect.
	CutAfter float64
	// Fail429 is the chance of 429 without effect; RetryAfter is the wait it asks for, rounded up to seconds (0 means 1 s).
	Fail429    float64
	RetryAfter time.Duration
	// LagAPI is the longest random wait before an API call is handled.
	LagAPI time.Duration
}

// Rude returns the default: duplicates, webhooks out of order, retries, and a few failing calls.
func Rude() *Manners {
	return &Manners{
		Duplicate: 0.2, Copies: 2, LagMax: 30 * time.Millisecond,
		Attempts: 6, Backoff: 50 * time.Millisecond,
		Fail503: 0.01, Fail500After: 0.005, CutAfter: 0.005, Fail429: 0.01, RetryAfter: time.Second,
	}
}

// Polite returns Manners for tests of exact sequences: every webhook is sent once and in order, and no call fails.
func Polite() *Manners {
	return &Manners{InOrder: true}
}
