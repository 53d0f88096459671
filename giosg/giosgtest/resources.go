package giosgtest

import "time"

// stamp is a time as the platform writes it: UTC, three decimals, Z; null when zero.
type stamp time.Time

// MarshalJSON writes the time.
func (s stamp) MarshalJSON() ([]byte, error) {
	t := time.Time(s)
	if t.IsZero() {
		return []byte("null"), nil
	}
	return t.UTC().AppendFormat(make([]byte, 0, 28), `"2006-01-02T15:04:05.000Z"`), nil
}

type chatResource struct {
	ID                         string   `json:"id"`
	ChatType                   string   `json:"chat_type"`
	CreatedAt                  stamp    `json:"created_at"`
	UpdatedAt                  stamp    `json:"updated_at"`
	EndedAt                    stamp    `json:"ended_at"`
	WaitingStartedAt           stamp    `json:"waiting_started_at"`
	RoomID                     string   `json:"room_id"`
	RoomOrganizationID         string   `json:"room_organization_id"`
	RoomName                   string   `json:"room_name"`
	TagCount                   int      `json:"tag_count"`
	MessageCount               int      `json:"message_count"`
	UserMessageCount           int      `json:"user_message_count"`
	VisitorMessageCount        int      `json:"visitor_message_count"`
	HasMessages                bool     `json:"has_messages"`
	HasUserMessages            bool     `json:"has_user_messages"`
	HasVisitorMessages         bool     `json:"has_visitor_messages"`
	PresentParticipants        int      `json:"present_participant_count"`
	PresentUserParticipants    int      `json:"present_user_participant_count"`
	PresentVisitorParticipants int      `json:"present_visitor_participant_count"`
	MemberCount                int      `json:"member_count"`
	UserMemberCount            int      `json:"user_member_count"`
	VisitorMemberCount         int      `json:"visitor_member_count"`
	IsPrivate                  bool     `json:"is_private"`
	IsRealConversation         bool     `json:"is_real_conversation"`
	IsAutosuggested            bool     `json:"is_autosuggested"`
	IsWaiting                  bool     `json:"is_waiting"`
	IsPending                  bool     `json:"is_pending"`
	IsEnded                    bool     `json:"is_ended"`
	IsEncrypted                bool     `json:"is_encrypted"`
	EncryptedSymmetricKey      *string  `json:"encrypted_symmetric_key"`
	AutosuggestURL             *string  `json:"autosuggest_url"`
	AutosuggestURLTitle        *string  `json:"autosuggest_url_title"`
	FirstVisitorMessageURL     *string  `json:"first_visitor_message_url"`
	FirstVisitorMessageTitle   *string  `json:"first_visitor_message_url_title"`
	Token                      string   `json:"token"`
	LegacyConversationState    string   `json:"legacy_conversation_state"`
	LegacyRoomID               string   `json:"legacy_room_id"`
	VisitorWaitTime            *float64 `json:"visitor_wait_time"`
	Duration                   float64  `json:"duration"`
	ActiveDuration             float64  `json:"active_duration"`
}

// The pages of the only web site in this world.
var (
	pageURL   = "https://www.example.com/"
	pageTitle = "Front page"
)

func (c *Chat) resourceLocked() *chatResource {
	r := &chatResource{
		ID: c.ID, ChatType: "visitor", CreatedAt: stamp(c.created), UpdatedAt: stamp(c.updated), EndedAt: stamp(c.ended),
		WaitingStartedAt: stamp(c.waitingStarted), RoomID: c.room.ID, RoomOrganizationID: c.org.ID, RoomName: c.room.Name,
		MessageCount: c.counts.visitor + c.counts.user, UserMessageCount: c.counts.user, VisitorMessageCount: c.counts.visitor,
		HasMessages: c.counts.visitor+c.counts.user > 0, HasUserMessages: c.counts.user > 0, HasVisitorMessages: c.counts.visitor > 0,
		MemberCount: len(c.members), UserMemberCount: len(c.members) - 1, VisitorMemberCount: 1,
		IsRealConversation: c.counts.visitor >= 1 && c.counts.user >= 2, IsAutosuggested: c.autosuggested,
		IsWaiting: c.waiting, IsPending: c.pending, IsEnded: !c.ended.IsZero(),
		Token: "chat" + c.VisitorID, LegacyConversationState: "open", LegacyRoomID: "room" + c.room.ID,
	}
	if c.autosuggested {
		r.AutosuggestURL, r.AutosuggestURLTitle = &pageURL, &pageTitle
	}
	if c.counts.visitor > 0 {
		r.FirstVisitorMessageURL, r.FirstVisitorMessageTitle = &pageURL, &pageTitle
	}
	if c.waiting {
		r.LegacyConversationState = "waiting"
	}
	if !c.firstSaid.IsZero() {
		r.Duration = c.lastSaid.Sub(c.firstSaid).Seconds()
		r.ActiveDuration = r.Duration
	}
	if !c.firstVisitor.IsZero() && c.firstUser.After(c.firstVisitor) {
		wait := c.firstUser.Sub(c.firstVisitor).Seconds()
		r.VisitorWaitTime = &wait
	}
	if r.IsEnded {
		r.LegacyConversationState = "closed"
		return r
	}
	now := c.p.nowLocked()
	for _, m := range c.members {
		switch {
		case !m.participating:
		case m.user == nil:
			r.PresentVisitorParticipants++
		case m.user.presentAt(now):
			r.PresentUserParticipants++
		}
	}
	r.PresentParticipants = r.PresentUserParticipants + r.PresentVisitorParticipants
	return r
}

type messageResource struct {
	ID                      string       `json:"id"`
	Type                    string       `json:"type"`
	ChatID                  string       `json:"chat_id"`
	RoomID                  string       `json:"room_id"`
	CreatedAt               stamp        `json:"created_at"`
	SenderType              string       `json:"sender_type"`
	SenderID                *string      `json:"sender_id"`
	SenderPublicName        *string      `json:"sender_public_name"`
	SenderName              *string      `json:"sender_name"`
	SenderAvatar            *string      `json:"sender_avatar"`
	Message                 *string      `json:"message"`
	IsEncrypted             bool         `json:"is_encrypted"`
	EncryptedMessage        string       `json:"encrypted_message,omitempty"`
	SensitiveDataPurgedAt   stamp        `json:"sensitive_data_purged_at"`
	SelectedReplySuggestID  *string      `json:"selected_reply_suggestion_id"`
	SelectedReplySuggestion *string      `json:"selected_reply_suggestion"`
	Attachments             []Attachment `json:"attachments"`
	AttachmentTemplate      *string      `json:"attachment_template"`
	ResponseToMessageID     *string      `json:"response_to_message_id"`
	ResponseToAttachmentID  *string      `json:"response_to_attachment_id"`
	ResponseToAttachment    *bare        `json:"response_to_attachment"`
	ResponseToActionID      *string      `json:"response_to_action_id"`
	ResponseToAction        *Action      `json:"response_to_action"`
	ResponseText            *string      `json:"response_text"`
	ResponseValue           *string      `json:"response_value"`
}

// bare is an attachment without its actions.
type bare struct {
	ID           string  `json:"id"`
	Title        *string `json:"title"`
	TitleLinkURL *string `json:"title_link_url"`
	Text         *string `json:"text"`
	ImageURL     *string `json:"image_url"`
	ImageLinkURL *string `json:"image_link_url"`
	LinkTarget   *string `json:"link_target"`
}

func (m *message) resource() *messageResource {
	r := &messageResource{
		ID: m.id, Type: m.kind, ChatID: m.chat.ID, RoomID: m.chat.room.ID, CreatedAt: stamp(m.at),
		SenderType: "visitor", SenderID: &m.chat.VisitorID, Message: m.text, IsEncrypted: m.encrypted != "",
		EncryptedMessage: m.encrypted, Attachments: m.attachments, AttachmentTemplate: m.template,
	}
	if r.Attachments == nil {
		r.Attachments = []Attachment{}
	}
	if m.byRule {
		r.SenderType, r.SenderID = "rule", nil
	}
	if u := m.sender; u != nil {
		public := u.publicName()
		r.SenderType, r.SenderID, r.SenderPublicName, r.SenderName = "user", &u.ID, &public, &u.Name
	}
	if a := m.answers; a != nil {
		r.ResponseToMessageID, r.ResponseToAttachmentID, r.ResponseToActionID = &a.message.id, &a.attachment.ID, &a.action.ID
		r.ResponseToAttachment = &bare{a.attachment.ID, a.attachment.Title, a.attachment.TitleLinkURL, a.attachment.Text,
			a.attachment.ImageURL, a.attachment.ImageLinkURL, a.attachment.LinkTarget}
		r.ResponseToAction, r.ResponseText, r.ResponseValue = a.action, a.action.Text, a.action.Value
	}
	return r
}

type memberResource struct {
	MemberID             string  `json:"member_id"`
	MemberType           string  `json:"member_type"`
	MemberName           *string `json:"member_name"`
	MemberPublicName     *string `json:"member_public_name"`
	MemberAvatar         *string `json:"member_avatar"`
	RoomID               string  `json:"room_id"`
	ChatID               string  `json:"chat_id"`
	CreatedAt            stamp   `json:"created_at"`
	UpdatedAt            stamp   `json:"updated_at"`
	IsParticipating      bool    `json:"is_participating"`
	IsPresent            bool    `json:"is_present"`
	ComposingStatus      string  `json:"composing_status"`
	MessageCount         int     `json:"message_count"`
	RoomOrganizationID   string  `json:"room_organization_id"`
	MemberOrganizationID *string `json:"member_organization_id"`
	LegacyMemberID       string  `json:"legacy_member_id"`
	IsBot                bool    `json:"is_bot"`
}

func (c *Chat) memberResourceLocked(m *member) *memberResource {
	r := &memberResource{MemberID: c.VisitorID, MemberType: "visitor", RoomID: c.room.ID, ChatID: c.ID,
		CreatedAt: stamp(m.created), UpdatedAt: stamp(m.updated), IsParticipating: m.participating,
		IsPresent: m.participating && c.ended.IsZero(), ComposingStatus: m.composing, MessageCount: m.messages,
		RoomOrganizationID: c.org.ID}
	if u := m.user; u != nil {
		public := u.publicName()
		r.MemberID, r.MemberType, r.MemberName, r.MemberPublicName = u.ID, "user", &u.Name, &public
		r.IsPresent = m.participating && u.presentAt(c.p.nowLocked())
		r.MemberOrganizationID, r.IsBot = &u.org.ID, u.IsBot
	}
	r.LegacyMemberID = "member" + r.MemberID
	return r
}
