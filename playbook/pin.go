package playbook

import (
	"encoding/json"
	"fmt"
)

// The kinds of actions in JSON. Stores contain them, so they must not change.
const (
	kindSay       = "say"
	kindHandOver  = "hand_over"
	kindInvite    = "invite"
	kindLeave     = "leave"
	kindEnd       = "end"
	kindSetOnline = "set_online"
)

// planJSON is a Plan in JSON.
type planJSON struct {
	State   State        `json:"state"`
	Actions []actionJSON `json:"actions,omitempty"`
	Rule    string       `json:"rule,omitempty"`
}

// actionJSON is an Action of any kind in JSON.
type actionJSON struct {
	Kind        string       `json:"kind"`
	Text        string       `json:"text,omitempty"`
	Attachments []Attachment `json:"attachments,omitempty"`
	Template    string       `json:"template,omitempty"`
	Team        string       `json:"team,omitempty"`
	Humans      bool         `json:"humans,omitempty"`
	Before      []actionJSON `json:"before,omitempty"`
	After       []actionJSON `json:"after,omitempty"`
	Nobody      []actionJSON `json:"nobody,omitempty"`
	Online      bool         `json:"online,omitempty"`
}

// MarshalJSON encodes the plan without its reasons.
func (p Plan) MarshalJSON() ([]byte, error) {
	actions, err := encodeActions(p.Actions)
	if err != nil {
		return nil, err
	}
	return json.Marshal(planJSON{p.State, actions, p.Rule})
}

// UnmarshalJSON decodes what MarshalJSON encoded. An action of an unknown kind is an error.
func (p *Plan) UnmarshalJSON(data []byte) error {
	var in planJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	actions, err := decodeActions(in.Actions)
	if err != nil {
		return err
	}
	*p = Plan{State: in.State, Actions: actions, Rule: in.Rule}
	return nil
}

func encodeActions(list []Action) ([]actionJSON, error) {
	var out []actionJSON
	for _, a := range list {
		one, err := encodeAction(a)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

func encodeAction(a Action) (actionJSON, error) {
	switch a := a.(type) {
	case Say:
		return actionJSON{Kind: kindSay, Text: a.Text, Attachments: a.Attachments, Template: a.Template}, nil
	case HandOver:
		out := actionJSON{Kind: kindHandOver, Team: a.Team, Humans: a.Humans}
		var err error
		if out.Before, err = encodeActions(a.Before); err != nil {
			return out, err
		}
		if out.After, err = encodeActions(a.After); err != nil {
			return out, err
		}
		out.Nobody, err = encodeActions(a.Nobody)
		return out, err
	case Invite:
		return actionJSON{Kind: kindInvite, Team: a.Team, Humans: a.Humans}, nil
	case Leave:
		return actionJSON{Kind: kindLeave}, nil
	case End:
		return actionJSON{Kind: kindEnd}, nil
	case SetOnline:
		return actionJSON{Kind: kindSetOnline, Online: a.Online}, nil
	}
	return actionJSON{}, fmt.Errorf("playbook: cannot encode an action of type %T", a)
}

func decodeActions(list []actionJSON) ([]Action, error) {
	var out []Action
	for _, a := range list {
		one, err := decodeAction(a)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

func decodeAction(a actionJSON) (Action, error) {
	switch a.Kind {
	case kindSay:
		return Say{Text: a.Text, Attachments: a.Attachments, Template: a.Template}, nil
	case kindHandOver:
		out := HandOver{Team: a.Team, Humans: a.Humans}
		var err error
		if out.Before, err = decodeActions(a.Before); err != nil {
			return nil, err
		}
		if out.After, err = decodeActions(a.After); err != nil {
			return nil, err
		}
		out.Nobody, err = decodeActions(a.Nobody)
		return out, err
	case kindInvite:
		return Invite{Team: a.Team, Humans: a.Humans}, nil
	case kindLeave:
		return Leave{}, nil
	case kindEnd:
		return End{}, nil
	case kindSetOnline:
		return SetOnline{Online: a.Online}, nil
	}
	return nil, fmt.Errorf("playbook: unknown kind of action %q", a.Kind)
}
