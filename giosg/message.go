package giosg

// Words returns what the sender wrote, or the label of the button that was pressed.
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
