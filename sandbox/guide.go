package sandbox

import (
	"strings"

	"giosgbot/bot"
)

var toTry = []string{"answer", "button", "why", "human", "language", "duplicate", "outage", "restart", "playbook"}

// evidence is what has happened so far of the things to try.
type evidence struct {
	languages map[string]bool // of the rooms in which a rule has answered
	copies    map[string]bool // ids of messages whose webhook was accepted more than once
	answered  map[string]bool // ids of messages that were answered
	late      map[string]bool // ids of chats with a webhook that failed at least once
	faults    bool            // an API call was made to fail since the last answer
	outage    bool            // a message was answered after such a failure
	restart   bool            // a message was answered although its webhook failed at first
	pressed   bool
	human     bool
	ruled     bool // a rule has answered
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
		e.ruled = true
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

// judgeLocked ticks off what has happened. The caller holds mu.
func (l *live) judgeLocked() {
	e := &l.evidence
	both := false
	for id := range e.copies {
		both = both || e.answered[id]
	}
	for what, happened := range map[string]bool{
		"answer": e.ruled, "button": e.pressed, "human": e.human, "language": len(e.languages) > 1,
		"duplicate": both, "outage": e.outage, "restart": e.restart,
	} {
		if happened {
			l.tickLocked(what)
		}
	}
}
