package giosgtest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const maxBody = 1 << 20

// query is an API call while it is handled.
type query struct {
	p       *Platform
	call    *Call
	route   *route
	at      params
	token   *token // with a valid signature, or nil
	user    *User  // its owner when the call arrived, or nil
	values  url.Values
	fields  map[string]json.RawMessage // of the body
	badBody bool
	base    string // of absolute next and previous
	method  string
}

// reply is an answer. body must not change after the platform's lock is released.
type reply struct {
	status int
	body   any
	header map[string]string
}

func itoa(n int) string { return strconv.Itoa(n) }

// ServeHTTP serves the platform's API.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			write(w, detail(http.StatusRequestEntityTooLarge, "Request body too large."), true)
		}
		return
	}
	if !p.enter() {
		panic(http.ErrAbortHandler)
	}
	defer p.work.Done()
	q := p.readQuery(r, body)
	fault := p.arrived(q)
	if !p.pause(r.Context(), fault.Delay) {
		p.finished(q, reply{}, started)
		panic(http.ErrAbortHandler)
	}
	answer := reply{}
	if !fault.fails() || fault.After {
		answer = p.handle(q, r)
	}
	answer = p.spoil(r.Context(), q, fault, answer)
	p.finished(q, answer, started)
	if answer.status == 0 {
		panic(http.ErrAbortHandler)
	}
	write(w, answer, r.Method != http.MethodHead)
}

// enter registers the call, so that Close waits for it. It returns false if the platform is closed.
func (p *Platform) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.work.Add(1)
	return true
}

func (p *Platform) readQuery(r *http.Request, body []byte) *query {
	p.mu.Lock()
	base := p.opts.BasePath
	p.mu.Unlock()
	path := r.URL.EscapedPath()
	inside := base == "" || strings.HasPrefix(path, base+"/")
	path = strings.TrimPrefix(path, base)
	q := &query{p: p, token: p.readToken(r), method: r.Method, base: "http://" + r.Host + base}
	q.call = &Call{Method: r.Method, Path: path, Query: r.URL.RawQuery, Body: string(body)}
	if inside {
		q.route, q.at = findRoute(path)
	}
	if q.route != nil {
		q.call.Pattern = q.route.pattern
	}
	q.call.UserID, q.call.OrgID, q.call.ChatID = q.at.user, q.at.org, q.at.chat
	if r.URL.RawQuery != "" {
		q.values = r.URL.Query()
	}
	if r.Method == http.MethodPost || r.Method == http.MethodPatch || r.Method == http.MethodPut {
		q.badBody = len(body) > 0 && (json.Unmarshal(body, &q.fields) != nil || q.fields == nil)
	}
	return q
}

// arrived records the call and chooses its fault.
func (p *Platform) arrived(q *query) Fault {
	p.mu.Lock()
	q.call.Seq, q.call.At = p.nextLocked(), p.nowLocked()
	if u := p.ownerLocked(q.token); u != nil {
		q.user = u
		q.call.TokenUser, q.call.TokenOrg = u.ID, u.org.ID
		u.underWay++
		u.peak = max(u.peak, u.underWay)
	}
	p.calls.add(q.call)
	if bad := badPath(q.call.Path); bad != "" {
		p.violatedLocked(q.call, WrongPath, bad)
	}
	if q.values.Has("token") {
		p.violatedLocked(q.call, WrongPlace, "query parameter token")
	}
	chance := p.chanceLocked()
	latency := time.Duration(0)
	if q.user != nil {
		latency = q.user.org.latencyLocked()
	}
	call := *q.call
	p.ringLocked(nil)
	p.mu.Unlock()
	fault := p.faults.forCall(call)
	if fault == (Fault{}) {
		fault = chance
	}
	if name := fault.name(); name != "" {
		p.mu.Lock()
		q.call.Fault = name
		p.mu.Unlock()
	}
	fault.Delay += latency
	return fault
}

// handle carries out the call.
func (p *Platform) handle(q *query, r *http.Request) reply {
	p.mu.Lock()
	defer p.mu.Unlock()
	q.call.Effect = true
	if q.route == nil {
		return notFound()
	}
	if q.user == nil || p.ownerLocked(q.token) == nil { // it may have expired during a delay
		text := "Authentication credentials were not provided."
		if r.Header.Get("Authorization") != "" {
			text = "Invalid token."
		}
		denied := detail(http.StatusUnauthorized, text)
		denied.header = map[string]string{"WWW-Authenticate": p.opts.TokenType}
		return denied
	}
	if denied, ok := q.guardLocked(); !ok {
		return denied
	}
	do := q.route.do[q.method]
	if do == nil && q.method == http.MethodHead {
		do = q.route.do[http.MethodGet]
	}
	if do == nil {
		return detail(http.StatusMethodNotAllowed, `Method "`+q.method+`" not allowed.`)
	}
	if q.badBody {
		return detail(http.StatusBadRequest, "JSON parse error")
	}
	if q.method != http.MethodGet && len(q.call.Body) > 0 {
		if kind := r.Header.Get("Content-Type"); !strings.Contains(kind, "json") {
			return detail(http.StatusUnsupportedMediaType, `Unsupported media type "`+kind+`" in request.`)
		}
	}
	answer := do(q)
	if p.opts.EmptyAnswers && q.method != http.MethodGet && answer.status < 300 {
		answer.body = nil
	}
	return answer
}

// guardLocked refuses tokens on paths of other users and organizations.
func (q *query) guardLocked() (reply, bool) {
	if id := q.at.user; id != "" && id != q.user.ID {
		other := q.p.users[id]
		switch {
		case other == nil:
			return notFound(), false
		case other.org == q.user.org:
			q.p.violatedLocked(q.call, WrongUser, "token of "+q.user.ID+" on a path of "+id)
			return forbidden(), false
		}
		q.p.violatedLocked(q.call, WrongOrg, "token of organization "+q.user.org.ID+" on a path of user "+id)
		return notFound(), false
	}
	if id := q.at.org; id != "" && id != q.user.org.ID {
		if q.p.orgs[id] == nil {
			return notFound(), false
		}
		q.p.violatedLocked(q.call, WrongOrg, "token of organization "+q.user.org.ID+" on a path of "+id)
		return forbidden(), false
	}
	if c := q.p.chats[q.at.chat]; c != nil && c.org != q.user.org {
		q.p.violatedLocked(q.call, WrongChat, "token of organization "+q.user.org.ID+" on a chat of "+c.org.ID)
		return notFound(), false
	}
	return reply{}, true
}

// spoil applies a fault to an answer. Status 0 means no answer.
func (p *Platform) spoil(ctx context.Context, q *query, f Fault, answer reply) reply {
	switch {
	case f.Hang:
		select {
		case <-ctx.Done():
		case <-p.ctx.Done():
		}
		return reply{}
	case f.Cut:
		return reply{}
	case f.Status == 0:
		return answer
	}
	bad := detail(f.Status, http.StatusText(f.Status))
	if f.Body != "" {
		bad.body = json.RawMessage(f.Body)
	}
	bad.header = map[string]string{}
	if f.RetryAfter > 0 {
		seconds := int((f.RetryAfter + time.Second - 1) / time.Second)
		bad.header["Retry-After"] = itoa(seconds)
	}
	if f.Location != "" {
		bad.header["Location"] = f.Location
	}
	return bad
}

func (p *Platform) finished(q *query, answer reply, started time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q.call.Status, q.call.Took, q.call.Done = answer.status, time.Since(started), true
	if q.user != nil {
		q.user.underWay--
	}
	p.feedLocked(func() Item {
		call := *q.call
		return Item{Kind: "call", Call: &call}
	})
	p.ringLocked(nil)
}

func write(w http.ResponseWriter, a reply, withBody bool) {
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	text, isText := a.body.(json.RawMessage)
	if !isText {
		var err error
		if text, err = json.Marshal(a.body); err != nil {
			panic("giosgtest: answer: " + err.Error())
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", itoa(len(text)))
	w.WriteHeader(a.status)
	if withBody {
		_, _ = w.Write(text)
	}
}

func ok(body any) reply      { return reply{status: http.StatusOK, body: body} }
func created(body any) reply { return reply{status: http.StatusCreated, body: body} }
func notFound() reply        { return detail(http.StatusNotFound, "Not found.") }
func forbidden() reply {
	return detail(http.StatusForbidden, "You do not have permission to perform this action.")
}

func detail(status int, text string) reply {
	return reply{status: status, body: map[string]string{"detail": text}}
}

// invalid is a 400 about a field.
func invalid(field, text string) reply {
	return reply{status: http.StatusBadRequest, body: map[string][]string{field: {text}}}
}
