package giosgtest_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"giosgbot/giosg/giosgtest"
)

func TestPresenceExpires(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{TokenLife: 100 * time.Hour})
	w.want(400, "POST", w.user("/clients"), object{})
	w.want(400, "POST", w.user("/clients"), object{"presence_expires_in": "soon"})
	w.want(400, "POST", w.user("/clients"), object{"presence_expires_in": 0})
	client := w.want(201, "POST", w.user("/clients"), object{"presence_expires_in": 60})
	path := w.user("/clients/" + client["id"].(string))
	if client["is_present"] != true || client["presence_expires_in"] != 60.0 {
		t.Errorf("client %v", client)
	}
	me := w.want(200, "PATCH", w.user(""), object{"is_online_enabled": true})
	if me["is_online"] != true || me["is_present"] != true {
		t.Errorf("user %v", me)
	}
	w.p.Advance(30 * time.Second)
	w.want(200, "PATCH", path, object{"presence_expires_in": 60})
	w.p.Advance(59 * time.Second)
	if !w.bot.Present() || w.bot.Lapses() != 0 {
		t.Error("a refreshed client has expired")
	}
	w.p.Advance(time.Second)
	if w.bot.Present() || w.bot.Online() || w.bot.Lapses() != 1 {
		t.Errorf("present %v after expiry, %d lapses", w.bot.Present(), w.bot.Lapses())
	}
	if listed, _ := w.all(w.user("/clients")); len(listed) != 1 || listed[0]["is_present"] != false {
		t.Errorf("expired clients listed: %v", listed)
	}
	w.want(201, "PATCH", path, object{"presence_expires_in": 60})
	w.want(204, "DELETE", path, nil)
	w.want(404, "PATCH", path, object{"presence_expires_in": 60})
	if w.bot.Present() || w.bot.Lapses() != 1 {
		t.Errorf("present %v after DELETE, %d lapses", w.bot.Present(), w.bot.Lapses())
	}
}

func TestExpiredClientsMayBeForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{ForgetExpiredClients: true})
	client := w.want(201, "POST", w.user("/clients"), object{"presence_expires_in": 10})
	w.p.Advance(10 * time.Second)
	if listed, _ := w.all(w.user("/clients")); len(listed) != 0 {
		t.Errorf("expired clients listed: %v", listed)
	}
	w.want(404, "PATCH", w.user("/clients/"+client["id"].(string)), object{"presence_expires_in": 60})
}

func TestTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{})
	parts := strings.Split(w.token, ".")
	if len(parts) != 3 {
		t.Fatalf("token %q", w.token)
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || !json.Valid(claims) {
		t.Errorf("claims %s, %v", claims, err)
	}
	if me := w.want(200, "GET", "/api/v5/users/me/", nil); me["id"] != w.bot.ID || me["is_bot"] != true {
		t.Errorf("me %v", me)
	}
	w.p.Advance(299 * time.Second)
	w.want(200, "GET", w.user(""), nil)
	w.p.Advance(time.Second)
	w.want(401, "GET", w.user(""), nil)
	w.token = "unknown"
	w.want(401, "GET", w.user(""), nil)
	w.token = w.p.Token(w.bot.User, -1)
	w.p.Advance(1000 * time.Hour)
	w.want(200, "GET", w.user(""), nil)
	w.p.RevokeTokens(w.bot.User)
	w.want(401, "GET", w.user(""), nil)
	w.token = w.p.Token(w.bot.User, 0)
	w.p.Configure(func(o *giosgtest.Options) { o.TokenType = "Token" })
	w.want(401, "GET", w.user(""), nil)
}

func TestTokensStayAtHome(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{})
	colleague := w.org.InstallBot("Other Bot")
	rival := w.p.AddOrg("Rival")
	rivalBot := rival.InstallBot("Rival Bot")
	rivalRoom := rival.AddRoom("Theirs", "en")
	rivalChat := rivalRoom.OpenChat()
	for _, c := range []struct {
		method, path string
		body         any
		status       int
		kind         string
	}{
		{"GET", "/api/v5/users/" + colleague.ID + "/clients", nil, 403, giosgtest.WrongUser},
		{"POST", "/api/v5/users/" + colleague.ID + "/chats/x/messages", object{"message": "x"}, 403, giosgtest.WrongUser},
		{"GET", "/api/v5/users/" + rivalBot.ID + "/clients", nil, 404, giosgtest.WrongOrg},
		{"GET", "/api/v5/orgs/" + rival.ID + "/teams", nil, 403, giosgtest.WrongOrg},
		{"GET", w.user("/rooms/" + rivalRoom.ID), nil, 404, giosgtest.WrongOrg},
		{"GET", w.user("/routed_chats/" + rivalChat.ID), nil, 404, giosgtest.WrongChat},
		{"GET", w.user("/chats/..%2f..%2forgs"), nil, 404, giosgtest.WrongPath},
		{"GET", w.user("/clients") + "?token=" + w.token, nil, 200, giosgtest.WrongPlace},
		{"GET", "/api/v5/users/nobody/clients", nil, 404, ""},
		{"PUT", w.user("/clients"), object{}, 405, ""},
		{"GET", "/api/v5/nothing", nil, 404, ""},
	} {
		w.p.ResetCalls()
		status, answer := w.do(c.method, c.path, c.body)
		if status != c.status || status >= 400 && answer["detail"] == nil {
			t.Errorf("%s %s: got %d %v, want %d", c.method, c.path, status, answer, c.status)
		}
		v := w.p.Violations()
		if c.kind == "" && len(v) != 0 || c.kind != "" && (len(v) != 1 || v[0].Kind != c.kind) {
			t.Errorf("%s %s: violations %+v, want %q", c.method, c.path, v, c.kind)
		}
	}
}

func TestDotsInAPathAreSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.p.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	request := "GET /api/v5/users/../orgs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.Contains(string(answer), " 404 ") {
		t.Errorf("got %s, %v", answer, err)
	}
	if v := w.p.Violations(); len(v) != 1 || v[0].Kind != giosgtest.WrongPath {
		t.Errorf("violations %+v", v)
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{})
	room := w.want(200, "GET", w.user("/rooms/"+w.room.ID), nil)
	if room["language_code"] != "fi" || room["is_online"] != true || room["is_humans_online"] != true || room["organization_id"] != w.org.ID {
		t.Errorf("room %v", room)
	}
	w.human.GoOffline()
	w.bot.GoOnline()
	room = w.want(200, "GET", "/api/v5/orgs/"+w.org.ID+"/rooms/"+w.room.ID, nil)
	if room["is_online"] != true || room["is_humans_online"] != false {
		t.Errorf("a room with an online bot only: %v", room)
	}
	w.org.AddTeam("Humans", w.human)
	w.org.AddTeam("Bots", w.bot.User)
	v5, _ := w.all("/api/v5/orgs/" + w.org.ID + "/teams")
	v6, _ := w.all("/api/v6/orgs/" + w.org.ID + "/teams?ordering=-created_at")
	if len(v5) != 2 || v5[0]["name"] != "Humans" || v5[0]["is_online"] != false || v5[0]["is_humans_online"] != nil {
		t.Errorf("v5 teams %v", v5)
	}
	if len(v6) != 2 || v6[0]["name"] != "Bots" || v6[0]["is_online"] != true || v6[0]["is_humans_online"] != false || v6[0]["is_present"] != true {
		t.Errorf("v6 teams %v", v6)
	}
	if org := w.want(200, "GET", "/api/v5/orgs/"+w.org.ID, nil); org["is_online"] != true || org["is_humans_online"] != false {
		t.Errorf("organization %v", org)
	}
	users, _ := w.all("/api/v5/orgs/" + w.org.ID + "/users")
	if len(users) != 2 || users[0]["full_name"] != "John Smith" {
		t.Errorf("users %v", users)
	}
	chat := w.room.OpenChat()
	members, _ := w.all(w.user("/routed_chats/" + chat.ID + "/memberships"))
	if len(members) != 1 || members[0]["member_type"] != "visitor" || members[0]["member_id"] != chat.VisitorID {
		t.Errorf("members %v", members)
	}
	w.room.RouteTo(w.human)
	other := w.room.OpenChat()
	w.want(404, "GET", w.user("/routed_chats/"+other.ID), nil)
}
