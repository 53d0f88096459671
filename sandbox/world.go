package sandbox

import (
	"strings"
	"sync"

	"giosgbot/giosg/giosgtest"
)

// world is what exists on the platform: an organization with a room for each language, two operators, their teams, and the bot.
type world struct {
	platform *giosgtest.Platform
	org      *giosgtest.Org
	rooms    []*giosgtest.Room
	humans   []*giosgtest.User
	bot      *giosgtest.Bot

	mu    sync.Mutex
	teams map[string]string // names by id
}

func newWorld(p *giosgtest.Platform) *world {
	w := &world{platform: p, org: p.AddOrg("Pohjola Outdoor"), teams: map[string]string{}}
	w.rooms = []*giosgtest.Room{w.org.AddRoom("Web shop", "en"), w.org.AddRoom("Verkkokauppa", "fi"), w.org.AddRoom("Webbutik", "sv")}
	w.humans = []*giosgtest.User{w.org.AddHuman("Aino"), w.org.AddHuman("Björn")}
	w.bot = w.org.InstallBot("Helper Bot")
	return w
}

// addTeams adds the teams that a playbook names, with all operators as members, so that every playbook can hand over.
func (w *world) addTeams(names []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range names {
		if !w.hasTeamLocked(name) {
			t := w.org.AddTeam(name, w.humans...)
			w.teams[t.ID] = t.Name
		}
	}
}

func (w *world) hasTeamLocked(name string) bool {
	for _, have := range w.teams {
		if strings.EqualFold(have, strings.TrimSpace(name)) {
			return true
		}
	}
	return false
}

// team returns the name of a team.
func (w *world) team(id string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.teams[id]
}

func (w *world) teamNames() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	names := make([]string, 0, len(w.teams))
	for _, name := range w.teams {
		names = append(names, name)
	}
	return names
}

func (w *world) human(id string) *giosgtest.User {
	for _, u := range w.humans {
		if u.ID == id {
			return u
		}
	}
	return nil
}

func (w *world) room(id string) *giosgtest.Room {
	for _, r := range w.rooms {
		if r.ID == id {
			return r
		}
	}
	return nil
}

type roomView struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Language string `json:"language"`
}

type humanView struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Online bool   `json:"online"`
}

func (w *world) roomViews() []roomView {
	var out []roomView
	for _, r := range w.rooms {
		out = append(out, roomView{r.ID, r.Name, r.Language()})
	}
	return out
}

func (w *world) humanViews() []humanView {
	var out []humanView
	for _, u := range w.humans {
		out = append(out, humanView{u.ID, u.Name, u.Online()})
	}
	return out
}
