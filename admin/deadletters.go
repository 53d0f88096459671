package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"giosgbot/chat"
	"giosgbot/queue"
)

// DeadLetter is an event that the bot has given up, as the API returns it.
type DeadLetter struct {
	ID       string    `json:"id"` // of the dead letter, for retry and drop
	Reason   string    `json:"reason"`
	Attempts int       `json:"attempts"`
	SetAside time.Time `json:"set_aside"` // when the bot gave up

	Event string    `json:"event"` // the event's id
	Kind  chat.Kind `json:"kind"`
	Chat  string    `json:"chat"`
	User  string    `json:"user"`
	Org   string    `json:"org,omitempty"`
	Room  string    `json:"room,omitempty"`
	At    time.Time `json:"at"`              // the event's own time
	Text  string    `json:"text,omitempty"`  // the visitor's words; only with Options.Debug
	Chars int       `json:"chars,omitempty"` // the length of the visitor's words
}

// deadList is the answer of GET /api/deadletters.
type deadList struct {
	DeadLetters []DeadLetter `json:"deadletters"`
	Total       int          `json:"total"` // how many there are in all
}

const (
	maxListed = 1000
	maxDead   = 20000 // more than a store keeps
)

func (a *Admin) letter(d queue.Dead) DeadLetter {
	l := DeadLetter{ID: d.ID, Reason: d.Reason, Attempts: d.Attempts, SetAside: d.At.UTC(), Event: d.Item.ID, At: d.Item.At.UTC()}
	var ev chat.Event
	if json.Unmarshal(d.Item.Body, &ev) != nil {
		ev = chat.Event{} // the event may have been given up because it cannot be read
	}
	user, chatID := chat.LaneParts(d.Item.Lane)
	l.Kind, l.Org, l.Room = ev.Kind, ev.Org, ev.Room
	l.User, l.Chat = cmp.Or(ev.User, user), cmp.Or(ev.Chat, chatID)
	l.Chars = len([]rune(ev.Text))
	if a.opts.Debug {
		l.Text = ev.Text
	}
	return l
}

func (a *Admin) letters(ctx context.Context, limit int) ([]DeadLetter, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	dead, err := a.opts.Queue.Dead(ctx, limit)
	if err != nil {
		return nil, err
	}
	out := make([]DeadLetter, 0, len(dead))
	for _, d := range dead {
		out = append(out, a.letter(d))
	}
	return out, nil
}

func (a *Admin) listDead(w http.ResponseWriter, r *http.Request) {
	limit, ok := limitOf(r, 200, maxListed)
	if !ok {
		fail(w, http.StatusBadRequest, "limit: must be a number from 1 to 1000")
		return
	}
	list, err := a.letters(r.Context(), limit)
	if err != nil {
		a.failStore(w, "dead letters not listed", err)
		return
	}
	total := len(list)
	if total == limit {
		total = max(total, a.lanes(r.Context()).Dead)
	}
	answerJSON(w, http.StatusOK, deadList{list, total})
}

func (a *Admin) showDead(w http.ResponseWriter, r *http.Request) {
	l, err := a.find(r.Context(), r.PathValue("id"))
	if err != nil {
		a.failStore(w, "dead letter not looked up", err)
		return
	}
	answerJSON(w, http.StatusOK, l)
}

func (a *Admin) find(ctx context.Context, id string) (DeadLetter, error) {
	list, err := a.letters(ctx, maxDead)
	if err != nil {
		return DeadLetter{}, err
	}
	for _, l := range list {
		if l.ID == id {
			return l, nil
		}
	}
	return DeadLetter{}, queue.ErrNotFound
}

func (a *Admin) retryDead(w http.ResponseWriter, r *http.Request) {
	a.change(w, r, "put back", a.opts.Queue.Revive)
}

func (a *Admin) dropDead(w http.ResponseWriter, r *http.Request) {
	a.change(w, r, "dropped", a.opts.Queue.Drop)
}

func (a *Admin) change(w http.ResponseWriter, r *http.Request, what string, do func(context.Context, string) error) {
	// The change is finished even if the operator's browser goes away.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 5*time.Second)
	defer cancel()
	id := r.PathValue("id")
	if err := do(ctx, id); err != nil {
		a.failStore(w, "dead letter not "+what, err)
		return
	}
	a.changed()
	a.opts.Log.Info("dead letter "+what+" by an operator", "id", id, "from", r.RemoteAddr)
	answerJSON(w, http.StatusOK, map[string]string{"id": id, "done": what})
}

func (a *Admin) failStore(w http.ResponseWriter, what string, err error) {
	if errors.Is(err, queue.ErrNotFound) {
		fail(w, http.StatusNotFound, "there is no dead letter with this id; it may have been retried or dropped already")
		return
	}
	a.opts.Log.Warn(what, "err", err)
	fail(w, http.StatusServiceUnavailable, "the store does not answer: "+err.Error())
}
