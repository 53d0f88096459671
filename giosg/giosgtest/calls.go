package giosgtest

import (
	"slices"
	"strings"
	"time"
)

// Call is one API call.
type Call struct {
	Seq       int64         `json:"seq"`
	At        time.Time     `json:"at"`
	Method    string        `json:"method"`
	Path      string        `json:"path"`    // as sent, without Options.BasePath
	Query     string        `json:"query"`   // as sent
	Pattern   string        `json:"pattern"` // for example /api/v5/users/{user}/chats/{chat}/messages; empty if unknown
	Body      string        `json:"body"`
	UserID    string        `json:"user_id"`    // in the path
	OrgID     string        `json:"org_id"`     // in the path
	ChatID    string        `json:"chat_id"`    // in the path
	TokenOrg  string        `json:"token_org"`  // of the token's owner
	TokenUser string        `json:"token_user"` // owner of the token; empty if unknown or expired
	Status    int           `json:"status"`     // of the answer; 0 if there was none, or not yet
	Effect    bool          `json:"effect"`     // the call was handled: no fault prevented it
	Fault     string        `json:"fault,omitempty"`
	Took      time.Duration `json:"took"`
	Done      bool          `json:"done"`
}

// Violation is a call that no bot should ever make.
type Violation struct {
	Kind   string `json:"kind"` // one of the Wrong... constants
	Detail string `json:"detail"`
	Call   Call   `json:"call"`
}

// Kinds of violations.
const (
	WrongUser    = "foreign user"   // a token used on the path of another user
	WrongOrg     = "foreign org"    // a token used on the path of another organization
	WrongChat    = "foreign chat"   // a token used on a chat of another organization
	WrongPath    = "bad path"       // dots, empty or encoded segments, ids that are no ids
	WrongAbsence = "absent join"    // a participating join of a user who is not present
	WrongField   = "unknown field"  // a JSON attribute the platform does not know
	WrongPlace   = "token in query" // a token outside the Authorization header
)

// Calls returns the recorded API calls that match accepts (nil accepts all), in the order of their arrival, also unfinished ones.
func (p *Platform) Calls(match func(Call) bool) []Call {
	p.mu.Lock()
	last := p.calls.last()
	all := make([]Call, len(last))
	for i, c := range last {
		all[i] = *c
	}
	p.mu.Unlock()
	return filter(all, match)
}

// ResetCalls deletes the recorded calls, events, deliveries and violations.
func (p *Platform) ResetCalls() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls.reset()
	p.sent.reset()
	p.events.reset()
	p.wrongs = nil
}

// Violations returns the violations so far, at most the first 1000.
func (p *Platform) Violations() []Violation {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.wrongs)
}

func (p *Platform) violatedLocked(c *Call, kind, detail string) {
	if len(p.wrongs) < 1000 {
		p.wrongs = append(p.wrongs, Violation{kind, detail, *c})
	}
}

// PeakCalls returns the largest number of concurrent API calls with tokens of the user.
func (u *User) PeakCalls() int {
	u.p.mu.Lock()
	defer u.p.mu.Unlock()
	return u.peak
}

// Matching accepts calls by method and path pattern, for Calls, AwaitCalls and friends. An empty method accepts all. A pattern that
// starts with / must match the whole path, another one its end; * stands for one segment: Matching("POST", "chats/*/messages").
func Matching(method, pattern string) func(Call) bool {
	return func(c Call) bool {
		return (method == "" || c.Method == method) && matchesPath(pattern, c.Path)
	}
}

func matchesPath(pattern, path string) bool {
	path = strings.TrimSuffix(path, "/")
	if pattern == "" {
		return true
	}
	if !strings.HasPrefix(pattern, "/") {
		// Keep as many segments of the path as the pattern has.
		cut := len(path)
		for range strings.Count(pattern, "/") + 1 {
			if cut = strings.LastIndexByte(path[:max(cut, 0)], '/'); cut < 0 {
				return false
			}
		}
		path = path[cut+1:]
	}
	return sameSegments(pattern, path)
}
