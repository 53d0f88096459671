package giosg

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"
)

// Change is what happened to a webhook's resource.
type Change string

// The changes that giosg reports ("Real-time APIs").
const (
	Added   Change = "added"   // with the whole resource
	Changed Change = "changed" // with the changed attributes only
	Removed Change = "removed" // without a resource
)

// Auth is the token that comes with a webhook ("Authentication to the API" in
// the guide).
type Auth struct {
	AccessToken Secret
	TokenType   string
	ExpiresIn   time.Duration // from the receipt of the webhook; never 0
	User        UserID        // the bot user
	Org         OrgID         // may be empty
}

// Webhook is what giosg posts to a bot: one change on one channel.
type Webhook struct {
	Channel    Channel
	Action     Change
	ResourceID string          // unchecked; not always the id in the resource
	Resource   json.RawMessage // an object; may be nil if Removed
	Auth       Auth
}

const (
	defaultTokenLife = 300 * time.Second // the only published value
	maxTokenLife     = 24 * time.Hour
	maxDepth         = 32  // of nesting in a webhook
	maxChannel       = 512 // bytes
)

// envelope is the JSON around a webhook's resource.
type envelope struct {
	Channel    string          `json:"channel"`
	Action     Change          `json:"action"`
	ResourceID string          `json:"resource_id"`
	Resource   json.RawMessage `json:"resource"`
	Auth       *struct {
		AccessToken Secret          `json:"access_token"`
		TokenType   string          `json:"token_type"`
		ExpiresIn   json.RawMessage `json:"expires_in"`
		User        UserID          `json:"user_id"`
		Org         OrgID           `json:"organization_id"`
	} `json:"app_user_auth"`
}

// ParseWebhook parses a webhook's body. The caller limits its size. Unknown
// fields are ignored. An error names the field and the problem, and does not
// repeat the field's content. A channel that a bot does not listen to is an error.
//
// An expiry that is not a positive number of seconds counts as 300 s, and one of
// more than a day as a day.
func ParseWebhook(body []byte) (Webhook, error) {
	if err := checkDepth(body); err != nil {
		return Webhook{}, err
	}
	var w envelope
	if err := decode("", body, &w); err != nil {
		return Webhook{}, err
	}
	switch {
	case w.Channel == "":
		return Webhook{}, errors.New("channel: missing")
	case w.Channel[0] != '/' || len(w.Channel) > maxChannel:
		return Webhook{}, errors.New("channel: not a channel's name")
	case w.Action == "":
		return Webhook{}, errors.New("action: missing")
	case w.Action != Added && w.Action != Changed && w.Action != Removed:
		return Webhook{}, errors.New("action: not added, changed or removed")
	case w.Auth == nil:
		return Webhook{}, errors.New("app_user_auth: missing")
	}
	channel, err := ParseChannel(w.Channel)
	if err != nil {
		return Webhook{}, err
	}
	isObject := len(w.Resource) > 0 && w.Resource[0] == '{'
	switch {
	case w.Action == Removed && !isObject:
		w.Resource = nil
	case len(w.Resource) == 0 || string(w.Resource) == "null":
		return Webhook{}, errors.New("resource: missing")
	case !isObject:
		return Webhook{}, errors.New("resource: not an object")
	}
	if err := cmp.Or(
		at("app_user_auth.access_token", checkTokenValue(w.Auth.AccessToken)),
		at("app_user_auth.token_type", checkTokenType(w.Auth.TokenType)),
		at("app_user_auth.user_id", CheckID(string(w.Auth.User))),
		at("app_user_auth.organization_id", checkOptional(string(w.Auth.Org))),
	); err != nil {
		return Webhook{}, err
	}
	return Webhook{
		Channel:    channel,
		Action:     w.Action,
		ResourceID: w.ResourceID,
		Resource:   w.Resource,
		Auth: Auth{
			AccessToken: w.Auth.AccessToken,
			TokenType:   w.Auth.TokenType,
			ExpiresIn:   lifeOf(w.Auth.ExpiresIn),
			User:        w.Auth.User,
			Org:         w.Auth.Org,
		},
	}, nil
}

// Token returns the webhook's token. received is when the webhook arrived.
func (w Webhook) Token(received time.Time) Token {
	return Token{
		User:    w.Auth.User,
		Org:     w.Auth.Org,
		Type:    w.Auth.TokenType,
		Value:   w.Auth.AccessToken,
		Expires: received.Add(w.Auth.ExpiresIn),
	}
}

// Chat decodes the resource of an added chat and checks its ids.
func (w Webhook) Chat() (Chat, error) {
	var c Chat
	if err := w.decode(&c); err != nil {
		return Chat{}, err
	}
	if err := cmp.Or(
		at("resource.id", CheckID(string(c.ID))),
		at("resource.room_id", checkOptional(string(c.RoomID))),
	); err != nil {
		return Chat{}, err
	}
	return c, nil
}

// Message decodes the resource of an added message. It checks its ids, and that it
// has a type, a sender type and a time.
func (w Webhook) Message() (Message, error) {
	var m Message
	if err := w.decode(&m); err != nil {
		return Message{}, err
	}
	if err := cmp.Or(
		at("resource.id", CheckID(string(m.ID))),
		at("resource.chat_id", CheckID(string(m.ChatID))),
		at("resource.room_id", checkOptional(string(m.RoomID))),
		at("resource.sender_id", checkOptional(m.SenderID)),
		at("resource.type", checkPresent(m.Type != "")),
		at("resource.sender_type", checkPresent(m.SenderType != "")),
		at("resource.created_at", checkTime(m.CreatedAt)),
	); err != nil {
		return Message{}, err
	}
	return m, nil
}

// Format writes the channel, the action and the resource's id, whatever the verb:
// neither the token nor a visitor's words.
func (w Webhook) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "{%s %s %s}", w.Channel, w.Action, w.ResourceID)
}

// Format writes everything but the token itself, whatever the verb.
func (a Auth) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "{%s %s %v %s %s}", a.TokenType, redacted, a.ExpiresIn, string(a.User), string(a.Org))
}

// LogValue returns what Format writes.
func (w Webhook) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("channel", w.Channel.String()),
		slog.String("action", string(w.Action)),
		slog.String("resource_id", w.ResourceID),
	)
}

func (w Webhook) decode(v any) error {
	if len(w.Resource) == 0 {
		return errors.New("resource: missing")
	}
	return decode("resource", w.Resource, v)
}

func at(field string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", field, err)
}

func checkOptional(id string) error {
	if id == "" {
		return nil
	}
	return CheckID(id)
}

func checkPresent(ok bool) error {
	if ok {
		return nil
	}
	return errors.New("missing")
}

func checkTime(t Time) error {
	if t.IsZero() {
		return errors.New("missing, or not a time")
	}
	return nil
}

// decode is unmarshal with errors that name the field and do not repeat its content.
func decode(where string, b []byte, v any) error {
	err := unmarshal(b, v)
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("not valid JSON, at byte %d", e.Offset)
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		field := strings.TrimPrefix(where+"."+e.Field, ".")
		field = strings.TrimSuffix(field, ".")
		if field == "" {
			field = "body"
		}
		kind, _, _ := strings.Cut(e.Value, " ") // "number 5" would repeat the content
		return fmt.Errorf("%s: must not be of JSON type %s", field, kind)
	}
	if where == "" {
		where = "body"
	}
	return fmt.Errorf("%s: cannot be decoded", where)
}

// lifeOf parses expires_in: a number of seconds, or a string that contains one.
func lifeOf(raw json.RawMessage) time.Duration {
	s := strings.TrimSpace(string(bytes.Trim(raw, `"`)))
	n, err := strconv.ParseFloat(s, 64)
	switch {
	case err != nil || math.IsNaN(n) || math.IsInf(n, 0) || n <= 0:
		return defaultTokenLife
	case n >= maxTokenLife.Seconds():
		return maxTokenLife
	}
	if d := time.Duration(n * float64(time.Second)); d > 0 {
		return d
	}
	return defaultTokenLife
}

// checkDepth refuses deeply nested JSON before it is decoded.
func checkDepth(b []byte) error {
	if bytes.Count(b, []byte("{"))+bytes.Count(b, []byte("[")) <= maxDepth {
		return nil // the usual case, and counting is fast
	}
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return fmt.Errorf("nested deeper than %d levels, at byte %d", maxDepth, i)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}
