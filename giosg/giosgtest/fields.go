package giosgtest

import (
	"bytes"
	"encoding/json"
	"slices"
	"unicode/utf8"
)

// knownLocked records attributes of the body that the platform does not know as violations. The platform ignores them, as giosg does.
func (q *query) knownLocked(names ...string) {
	q.knownInLocked("", q.fields, names...)
}

func (q *query) knownInLocked(where string, fields map[string]json.RawMessage, names ...string) {
	for name := range fields {
		if !slices.Contains(names, name) {
			q.p.violatedLocked(q.call, WrongField, where+name)
		}
	}
}

func isNull(raw json.RawMessage) bool { return bytes.Equal(bytes.TrimSpace(raw), []byte("null")) }

// boolean reads a field; given is false if it is missing.
func boolean(fields map[string]json.RawMessage, name string) (value, given bool, denied *reply) {
	raw, given := fields[name]
	if !given {
		return false, false, nil
	}
	if isNull(raw) || json.Unmarshal(raw, &value) != nil {
		bad := invalid(name, "Must be a valid boolean.")
		return false, true, &bad
	}
	return value, true, nil
}

// words reads a text field; nil if it is missing or null.
func words(fields map[string]json.RawMessage, name string) (*string, *reply) {
	raw, given := fields[name]
	if !given || isNull(raw) {
		return nil, nil
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		bad := invalid(name, "Not a valid string.")
		return nil, &bad
	}
	return &text, nil
}

// choice reads a text field that must be one of some words.
func choice(fields map[string]json.RawMessage, name string, allowed ...string) (*string, *reply) {
	text, bad := words(fields, name)
	if bad == nil && text != nil && !slices.Contains(allowed, *text) {
		no := invalid(name, `"`+*text+`" is not a valid choice.`)
		return nil, &no
	}
	return text, bad
}

// messageTextLocked reads the text of a new message.
func (q *query) messageTextLocked() (*string, *reply) {
	raw, given := q.fields["message"]
	complaint := ""
	switch {
	case !given:
		complaint = "This field is required."
	case isNull(raw):
		complaint = "This field may not be null."
	}
	text, bad := words(q.fields, "message")
	switch {
	case complaint != "" || bad != nil:
	case *text == "":
		complaint = "This field may not be blank."
	case utf8.RuneCountInString(*text) > q.p.opts.MaxMessage:
		complaint = "Ensure this field has no more than " + itoa(q.p.opts.MaxMessage) + " characters."
	}
	if complaint != "" {
		no := invalid("message", complaint)
		return nil, &no
	}
	return text, bad
}

// attachmentsLocked reads the attachments of a new message and gives them ids.
func (q *query) attachmentsLocked() ([]Attachment, *reply) {
	raw, given := q.fields["attachments"]
	if !given {
		return nil, nil
	}
	var list []map[string]json.RawMessage
	if isNull(raw) || json.Unmarshal(raw, &list) != nil {
		bad := invalid("attachments", "Expected a list of items.")
		return nil, &bad
	}
	out := make([]Attachment, 0, len(list))
	for _, fields := range list {
		a, bad := q.attachmentLocked(fields)
		if bad != nil {
			return nil, bad
		}
		out = append(out, a)
	}
	return out, nil
}

func (q *query) attachmentLocked(fields map[string]json.RawMessage) (a Attachment, bad *reply) {
	q.knownInLocked("attachments.", fields, "title", "title_link_url", "text", "image_url", "image_link_url", "link_target", "actions")
	a = Attachment{ID: q.p.uuidLocked(), Actions: []Action{}}
	for name, to := range map[string]**string{"title": &a.Title, "title_link_url": &a.TitleLinkURL, "text": &a.Text,
		"image_url": &a.ImageURL, "image_link_url": &a.ImageLinkURL} {
		if *to, bad = words(fields, name); bad != nil {
			return a, bad
		}
	}
	if a.LinkTarget, bad = choice(fields, "link_target", "_blank", "_parent"); bad != nil {
		return a, bad
	}
	raw, given := fields["actions"]
	if !given {
		return a, nil
	}
	var list []map[string]json.RawMessage
	if isNull(raw) || json.Unmarshal(raw, &list) != nil {
		no := invalid("actions", "Expected a list of items.")
		return a, &no
	}
	for _, action := range list {
		b, bad := q.actionLocked(action)
		if bad != nil {
			return a, bad
		}
		a.Actions = append(a.Actions, b)
	}
	return a, nil
}

var styles = []string{"primary", "secondary", "info", "success", "warning", "danger", "link", "brand_primary", "brand_secondary"}

func (q *query) actionLocked(fields map[string]json.RawMessage) (b Action, bad *reply) {
	q.knownInLocked("attachments.actions.", fields, "text", "type", "value", "link_target", "style",
		"is_disabled_on_selection", "is_disabled_on_visitor_message")
	b.ID = q.p.uuidLocked()
	for _, name := range []string{"text", "type", "value"} {
		if raw, given := fields[name]; !given || isNull(raw) {
			no := invalid(name, "This field is required.")
			return b, &no
		}
	}
	if b.Text, bad = words(fields, "text"); bad != nil {
		return b, bad
	}
	if b.Value, bad = words(fields, "value"); bad != nil {
		return b, bad
	}
	kind, bad := choice(fields, "type", "button", "link_button")
	if bad != nil {
		return b, bad
	}
	b.Type = *kind
	if b.Style, bad = choice(fields, "style", styles...); bad != nil {
		return b, bad
	}
	if b.LinkTarget, bad = choice(fields, "link_target", "_blank", "_parent"); bad != nil {
		return b, bad
	}
	if b.IsDisabledOnSelection, _, bad = boolean(fields, "is_disabled_on_selection"); bad != nil {
		return b, bad
	}
	b.IsDisabledOnVisitorMessage, _, bad = boolean(fields, "is_disabled_on_visitor_message")
	return b, bad
}
