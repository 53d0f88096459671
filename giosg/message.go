package giosg

// Words returns the message's text or, for a pressed button, the button's label.
func (m Message) Words() string {
	if m.Type != TypeAction {
		return m.Message
	}
	if m.ResponseText != "" {
		return m.ResponseText
	}
	if m.ResponseToAction != nil && m.ResponseToAction.Text != "" {
		return m.ResponseToAction.Text
	}
	return m.Message
}
