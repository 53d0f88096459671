package sandbox

import (
	"strings"

	"giosgbot/bot"
)

var toTry = []string{"answer", "button", "why", "human", "language", "duplicate", "outage", "restart", "playbook"}

// evidence is what was seen so far of the things to try.
type evidence struct {
	languages map[string]bool // of rooms in which a visitor was answered
	copies    map[string]bool // messages whose webhook was accepted more than once
	answered  map[string]bool // messages that were answered
	late      map[string]bool // chats with a webhook that did not reach the bot at once
	faults    bool            // since the last answer an API call was made to fail
	outage    bool            // an answer came in spite of it
	restart   bool            // an answer came to a webhook that had found nobody
	pressed   bool
	human     bool
	words     bool // a rule answered
}

func newEvidence() evidence {
	return evidence{
		languages: map[string]bool{}, copies: map[string]bool{}, answered: map[string]bool{},
		late: map[string]bool{},
	}
}

func (e *evidence) call(v callView) {
	if v.Fault != "" && v.Fault != "delay" {
		e.faults = true
	}
}

func (e *evidence) delivery(v deliveryView) {
	switch {
	case v.Copy > 0 && v.ok():
		e.copies[v.ResourceID] = true
	case !v.ok() && v.Attempt > 0:
		e.late[v.ChatID] = true
	}
}

func (e *evidence) turn(v turnView, language string) {
	if v.Result != bot.Answered {
		return
	}
	e.answered[v.EventID] = true
	if v.Rule != "" && !strings.HasPrefix(v.Rule, "greeting") {
		e.words = true
		e.languages[language] = true
	}
	if e.late[v.ChatID] {
		delete(e.late, v.ChatID)
		e.restart = true
	}
	if e.faults && v.Attempt > 1 {
		e.outage = true
	}
	e.faults = false
}

func (e *evidence) line(v lineView) {
	switch {
	case v.Who == "visitor" && v.Type == "action":
		e.pressed = true
	case v.Who == "human" && v.Type == "msg":
		e.human = true
	}
}

// judgeLocked ticks off what has happened.
func (l *live) judgeLocked() {
	e := &l.evidence
	both := false
	for id := range e.copies {
		both = both || e.answered[id]
	}
	for what, happened := range map[string]bool{
		"answer": e.words, "button": e.pressed, "human": e.human, "language": len(e.languages) > 1,
		"duplicate": both, "outage": e.outage, "restart": e.restart,
	} {
		if happened {
			l.tickLocked(what)
		}
	}
}
