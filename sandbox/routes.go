package sandbox

import (
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"mime"
	"net/http"
	"strings"
	"time"

	"giosgbot/playbook"
)

//go:embed web
var web embed.FS

// routes serves the page, its stream and its actions. An action is a POST of JSON. Its answer is JSON; an error is {"error": "..."}.
func (s *Sandbox) routes() http.Handler {
	files, err := fs.Sub(web, "web")
	if err != nil {
		panic(err) // the embedded folder has another name
	}
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServerFS(files))
	mux.HandleFunc("GET /api/live", s.stream)
	mux.HandleFunc("POST /api/visitors", action(s.openChat))
	mux.HandleFunc("POST /api/chats/{chat}/{verb}", action(s.visitorDoes))
	mux.HandleFunc("POST /api/humans/{human}/online", action(s.goOnline))
	mux.HandleFunc("POST /api/humans/{human}/{verb}", action(s.humanDoes))
	mux.HandleFunc("POST /api/switches/{name}", action(s.turnSwitch))
	mux.HandleFunc("POST /api/bot", action(s.switchBot))
	mux.HandleFunc("POST /api/playbook/check", action(s.checkBook))
	mux.HandleFunc("POST /api/playbook", action(s.putBook))
	mux.HandleFunc("POST /api/done/{what}", action(s.tickOff))
	mux.HandleFunc("/api/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, "there is no such action")
	})
	return mux
}

// refusal is an error with the HTTP status of the answer.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

func refuse(w http.ResponseWriter, status int, text string) {
	answer(w, status, map[string]string{"error": text})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // an error means that the page has gone
}

// action returns a handler that decodes the body, calls do and encodes what it returns.
func action[In any](do func(r *http.Request, in In) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
			refuse(w, http.StatusUnsupportedMediaType, "the body must be JSON, with Content-Type application/json")
			return
		}
		var in In
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, playbook.MaxFile+4096)).Decode(&in); err != nil {
			refuse(w, http.StatusBadRequest, "the body is not the expected JSON")
			return
		}
		out, err := do(r, in)
		bad, known := errors.AsType[*refusal](err)
		switch {
		case known:
			refuse(w, bad.status, bad.text)
		case err != nil:
			refuse(w, http.StatusConflict, err.Error())
		default:
			answer(w, http.StatusOK, out)
		}
	}
}

type nothing struct{}

var errNoSuch = &refusal{http.StatusNotFound, "there is no such chat, room, person or action"}

func (s *Sandbox) openChat(_ *http.Request, in struct{ Room string }) (any, error) {
	room := s.world.room(in.Room)
	if room == nil {
		return nil, errNoSuch
	}
	chat := room.OpenChat()
	return map[string]string{"id": chat.ID}, nil
}

// visitorDoes is what a visitor can do in a chat.
func (s *Sandbox) visitorDoes(r *http.Request, in struct{ Text, Value string }) (any, error) {
	chat := s.world.platform.Chat(r.PathValue("chat"))
	if chat == nil {
		return nil, errNoSuch
	}
	switch r.PathValue("verb") {
	case "say":
		if err := checkText(in.Text); err != nil {
			return nil, err
		}
		l, err := chat.Say(in.Text)
		return l, err
	case "press":
		l, err := chat.Press(in.Value)
		return l, err
	case "end":
		chat.End()
		return nothing{}, nil
	}
	return nil, errNoSuch
}

func checkText(text string) error {
	switch {
	case strings.TrimSpace(text) == "":
		return &refusal{http.StatusBadRequest, "the message is empty"}
	case len([]rune(text)) > playbook.MaxText:
		return &refusal{http.StatusBadRequest, "the message is too long"}
	}
	return nil
}

// humanDoes is what an operator can do in a chat.
func (s *Sandbox) humanDoes(r *http.Request, in struct{ Chat, Text string }) (any, error) {
	human, chat := s.world.human(r.PathValue("human")), s.world.platform.Chat(in.Chat)
	if human == nil || chat == nil {
		return nil, errNoSuch
	}
	switch r.PathValue("verb") {
	case "take":
		return nothing{}, human.Take(chat)
	case "join":
		return nothing{}, human.Join(chat)
	case "leave":
		return nothing{}, human.Leave(chat)
	case "end":
		return nothing{}, human.End(chat)
	case "say":
		if err := checkText(in.Text); err != nil {
			return nil, err
		}
		return human.Say(chat, in.Text)
	}
	return nil, errNoSuch
}

func (s *Sandbox) goOnline(r *http.Request, in struct{ Online bool }) (any, error) {
	human := s.world.human(r.PathValue("human"))
	if human == nil {
		return nil, errNoSuch
	}
	if in.Online {
		human.GoOnline()
	} else {
		human.GoOffline()
	}
	v := s.world.humanViews()
	s.live.publish("humans", v)
	return v, nil
}

func (s *Sandbox) turnSwitch(r *http.Request, in struct{ On bool }) (any, error) {
	if err := s.trouble.set(r.PathValue("name"), in.On); err != nil {
		return nil, &refusal{http.StatusNotFound, err.Error()}
	}
	v := s.trouble.view()
	s.live.publish("switches", v)
	return v, nil
}

func (s *Sandbox) switchBot(_ *http.Request, in struct{ Running bool }) (any, error) {
	if !in.Running {
		s.bot.kill()
		return nothing{}, nil
	}
	return nothing{}, s.bot.start()
}

func (s *Sandbox) checkBook(_ *http.Request, in struct{ ID, Text string }) (any, error) {
	book, err := load(in.ID, in.Text)
	if err != nil {
		return map[string]any{"ok": false, "problems": problemsOf(err)}, nil
	}
	v := describe(book)
	return map[string]any{"ok": true, "problems": v.Problems, "book": v}, nil
}

// putBook makes an example or an edited text the active playbook.
func (s *Sandbox) putBook(_ *http.Request, in struct {
	ID   string
	Text *string // nil means the example as it is
}) (any, error) {
	e, known := s.books.find(in.ID)
	if !known && in.Text == nil {
		return nil, &refusal{http.StatusNotFound, "there is no such example"}
	}
	edited := in.Text != nil && (!known || *in.Text != e.Text)
	if in.Text != nil {
		e.ID, e.Text = in.ID, *in.Text
	}
	if err := s.use(e.ID, e.Text, edited); err != nil {
		return map[string]any{"ok": false, "problems": problemsOf(err)}, nil
	}
	return map[string]any{"ok": true, "problems": s.books.view().Problems}, nil
}

func (s *Sandbox) tickOff(r *http.Request, _ nothing) (any, error) {
	if r.PathValue("what") == "why" { // the server sees the other steps by itself
		s.live.tick("why")
	}
	return nothing{}, nil
}

// stream sends server-sent events: a snapshot, then all that happens.
func (s *Sandbox) stream(w http.ResponseWriter, r *http.Request) {
	out := http.NewResponseController(w)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	c, leave := s.live.watch(s.fill)
	defer leave()
	beat := time.NewTicker(15 * time.Second)
	defer beat.Stop()
	write := func(b ...[]byte) bool {
		_ = out.SetWriteDeadline(time.Now().Add(10 * time.Second))
		for _, p := range b {
			if _, err := w.Write(p); err != nil {
				return false
			}
		}
		return out.Flush() == nil
	}
	if !write([]byte("retry: 1000\n\n")) {
		return
	}
	for {
		select {
		case b, ok := <-c:
			if !ok || !write([]byte("data: "), b, []byte("\n\n")) {
				return
			}
		case <-beat.C:
			if !write([]byte(": still here\n\n")) {
				return
			}
		case <-r.Context().Done():
			return
		case <-s.ctx.Done():
			return
		}
	}
}
