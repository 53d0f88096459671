package giosg

// The resource types have the attributes that a bot uses. Others are ignored. Null
// becomes the zero value.

// Types of chat messages ("Chat messages" in the API reference). There are others,
// which a bot should ignore.
const (
	TypeMsg                = "msg"         // typed by a visitor, a user or a bot
	TypeAction             = "action"      // a visitor clicked a button
	TypeAutosuggest        = "autosuggest" // a proactive first message in a user's name
	TypeJoin               = "join"
	TypeLeave              = "leave"
	TypeShoppingCartLocked = "shoppingcart_locked"
	TypeSystem             = "system"
	TypeTagCreated         = "tag_created" // the message is the tag
)

// Types of senders and of members.
const (
	SenderUser    = "user" // a human colleague or a bot
	SenderVisitor = "visitor"
	SenderRule    = "rule"

	MemberUser    = "user"
	MemberVisitor = "visitor"
)

// Templates of attachments and types of actions ("Rich text messages").
const (
	TemplateGeneric = "generic"

	ActionButton     = "button"
	ActionLinkButton = "link_button"
)

// Avatar is a picture of a sender or a member.
type Avatar struct {
	ID  string `json:"id"`
	URL string `json:"url"`
}

// Chat is a chat of any collection ("Chats").
type Chat struct {
	ID                             ChatID  `json:"id"`
	ChatType                       string  `json:"chat_type"` // "visitor", "operator", "group", "task", "external"
	CreatedAt                      Time    `json:"created_at"`
	UpdatedAt                      Time    `json:"updated_at"`
	EndedAt                        Time    `json:"ended_at"`
	WaitingStartedAt               Time    `json:"waiting_started_at"`
	RoomID                         RoomID  `json:"room_id"`
	RoomName                       string  `json:"room_name"`
	RoomOrganizationID             OrgID   `json:"room_organization_id"`
	MessageCount                   int     `json:"message_count"` // of type msg only, as the next two
	UserMessageCount               int     `json:"user_message_count"`
	VisitorMessageCount            int     `json:"visitor_message_count"`
	HasMessages                    bool    `json:"has_messages"`
	HasUserMessages                bool    `json:"has_user_messages"`
	HasVisitorMessages             bool    `json:"has_visitor_messages"`
	MemberCount                    int     `json:"member_count"` // everyone who has joined, also if they left
	UserMemberCount                int     `json:"user_member_count"`
	VisitorMemberCount             int     `json:"visitor_member_count"`
	PresentParticipantCount        int     `json:"present_participant_count"` // participating and present now
	PresentUserParticipantCount    int     `json:"present_user_participant_count"`
	PresentVisitorParticipantCount int     `json:"present_visitor_participant_count"`
	IsPrivate                      bool    `json:"is_private"`
	IsRealConversation             bool    `json:"is_real_conversation"`
	IsAutosuggested                bool    `json:"is_autosuggested"`
	IsWaiting                      bool    `json:"is_waiting"`
	IsPending                      bool    `json:"is_pending"`
	IsEnded                        bool    `json:"is_ended"`
	IsEncrypted                    bool    `json:"is_encrypted"`
	EncryptedSymmetricKey          string  `json:"encrypted_symmetric_key"`
	AutosuggestURL                 string  `json:"autosuggest_url"`
	AutosuggestURLTitle            string  `json:"autosuggest_url_title"`
	FirstVisitorMessageURL         string  `json:"first_visitor_message_url"`
	FirstVisitorMessageURLTitle    string  `json:"first_visitor_message_url_title"`
	VisitorWaitTime                float64 `json:"visitor_wait_time"` // seconds
	Duration                       float64 `json:"duration"`          // seconds
	LegacyConversationState        string  `json:"legacy_conversation_state"`
}

// Ended reports whether the chat has ended.
func (c Chat) Ended() bool { return c.IsEnded || !c.EndedAt.IsZero() }

// Message is a chat message ("Chat messages").
type Message struct {
	ID               MessageID `json:"id"`
	Type             string    `json:"type"` // TypeMsg, TypeAction, ...
	ChatID           ChatID    `json:"chat_id"`
	RoomID           RoomID    `json:"room_id"` // not always sent
	CreatedAt        Time      `json:"created_at"`
	SenderType       string    `json:"sender_type"` // SenderUser, SenderVisitor, SenderRule
	SenderID         string    `json:"sender_id"`   // a UserID or a VisitorID
	SenderName       string    `json:"sender_name"`
	SenderPublicName string    `json:"sender_public_name"`
	SenderAvatar     *Avatar   `json:"sender_avatar"`

	// Message is empty for join and leave, and for a text that giosg can no longer
	// decrypt, which is in EncryptedMessage.
	Message               string `json:"message"`
	IsEncrypted           bool   `json:"is_encrypted"` // true on every message of an encrypted chat
	EncryptedMessage      string `json:"encrypted_message"`
	SensitiveDataPurgedAt Time   `json:"sensitive_data_purged_at"`

	Attachments        []Attachment `json:"attachments"`
	AttachmentTemplate string       `json:"attachment_template"`

	// For TypeAction: the button that was clicked, its message, its label and its
	// value.
	ResponseToMessageID    MessageID   `json:"response_to_message_id"`
	ResponseToAttachmentID string      `json:"response_to_attachment_id"`
	ResponseToAttachment   *Attachment `json:"response_to_attachment"`
	ResponseToActionID     string      `json:"response_to_action_id"`
	ResponseToAction       *Action     `json:"response_to_action"`
	ResponseText           string      `json:"response_text"`
	ResponseValue          string      `json:"response_value"`
}

// NewMessage is a message to send ("Chat messages"). Message is required, also
// with attachments, and has at most 2000 characters.
type NewMessage struct {
	Message            string       `json:"message"`
	Attachments        []Attachment `json:"attachments,omitempty"`
	AttachmentTemplate string       `json:"attachment_template,omitempty"` // empty means TemplateGeneric to giosg
}

// Attachment is rich content of a message ("Rich text messages"). giosg sets ID.
// All other fields are optional.
type Attachment struct {
	ID           string   `json:"id,omitempty"`
	Title        string   `json:"title,omitempty"`
	TitleLinkURL string   `json:"title_link_url,omitempty"`
	Text         string   `json:"text,omitempty"`
	ImageURL     string   `json:"image_url,omitempty"`
	ImageLinkURL string   `json:"image_link_url,omitempty"`
	LinkTarget   string   `json:"link_target,omitempty"` // "_blank", "_parent"
	Actions      []Action `json:"actions,omitempty"`
}

// Action is a button of an attachment ("Rich text messages"). giosg sets ID.
type Action struct {
	ID                         string `json:"id,omitempty"`
	Text                       string `json:"text"`
	Type                       string `json:"type"`                  // ActionButton, ActionLinkButton
	Value                      string `json:"value"`                 // the ResponseValue of a click; for a link button its URL
	LinkTarget                 string `json:"link_target,omitempty"` // "_blank", "_parent"
	Style                      string `json:"style,omitempty"`       // "primary", "success", "brand_primary", ...
	IsDisabledOnSelection      bool   `json:"is_disabled_on_selection"`
	IsDisabledOnVisitorMessage bool   `json:"is_disabled_on_visitor_message"`
}

// Membership is a user's or visitor's membership in a chat ("Chat memberships").
// It has no id.
type Membership struct {
	MemberID             string  `json:"member_id"`   // a UserID or a VisitorID
	MemberType           string  `json:"member_type"` // MemberUser, MemberVisitor
	MemberName           string  `json:"member_name"`
	MemberPublicName     string  `json:"member_public_name"`
	MemberAvatar         *Avatar `json:"member_avatar"`
	MemberOrganizationID OrgID   `json:"member_organization_id"`
	ChatID               ChatID  `json:"chat_id"`
	RoomID               RoomID  `json:"room_id"`
	CreatedAt            Time    `json:"created_at"`
	UpdatedAt            Time    `json:"updated_at"`
	IsParticipating      bool    `json:"is_participating"`
	IsPresent            bool    `json:"is_present"` // false whenever not participating
	IsBot                bool    `json:"is_bot"`
	ComposingStatus      string  `json:"composing_status"` // "idle", "typing", "typed"
	MessageCount         int     `json:"message_count"`
}

// UserClient is what makes a user present ("Making the chatbot present" in the
// guide).
type UserClient struct {
	ID                ClientID `json:"id"`
	PresenceExpiresIn float64  `json:"presence_expires_in"` // seconds
	PresenceExpiresAt Time     `json:"presence_expires_at"`
	IsPresent         Flag     `json:"is_present"`
	IsAboutToExpire   Flag     `json:"is_about_to_expire"`
	CreatedAt         Time     `json:"created_at"`
	UpdatedAt         Time     `json:"updated_at"`
}

// Flag is a boolean of which giosg does not document the type. JSON true is true,
// anything else is false.
type Flag bool

// UnmarshalJSON never fails.
func (f *Flag) UnmarshalJSON(b []byte) error {
	*f = string(b) == "true"
	return nil
}

// User is a user of giosg, human or bot ("Users").
type User struct {
	ID              UserID  `json:"id"`
	OrganizationID  OrgID   `json:"organization_id"`
	FirstName       string  `json:"first_name"`
	LastName        string  `json:"last_name"`
	FullName        string  `json:"full_name"`
	Alias           string  `json:"alias"` // the name that visitors see, if set
	Avatar          *Avatar `json:"avatar"`
	IsBot           bool    `json:"is_bot"`
	IsOnlineEnabled bool    `json:"is_online_enabled"`
	IsOnline        bool    `json:"is_online"` // online enabled and present
	IsPresent       bool    `json:"is_present"`
	CreatedAt       Time    `json:"created_at"`
	UpdatedAt       Time    `json:"updated_at"`
}

// Room is a place on a customer's site where chats begin ("Rooms").
type Room struct {
	ID             RoomID `json:"id"`
	OrganizationID OrgID  `json:"organization_id"`
	Name           string `json:"name"`
	DisplayName    string `json:"display_name"`
	LanguageCode   string `json:"language_code"` // RFC 3066, "en" by default
	IsOnline       bool   `json:"is_online"`
	IsHumansOnline bool   `json:"is_humans_online"` // a user other than bots is online
	IsOpen         bool   `json:"is_open"`
	IsDeleted      bool   `json:"is_deleted"`
}

// Team is a team of users ("Teams").
type Team struct {
	ID                 TeamID `json:"id"`
	OrganizationID     OrgID  `json:"organization_id"`
	Name               string `json:"name"`
	DisplayName        string `json:"display_name"`
	MemberCount        int    `json:"member_count"`
	PresentMemberCount int    `json:"present_member_count"`
	IsOnline           bool   `json:"is_online"`        // also if only a bot is online
	IsHumansOnline     *bool  `json:"is_humans_online"` // nil if giosg does not send it
	IsPresent          bool   `json:"is_present"`
	IsDeleted          bool   `json:"is_deleted"`
}

// Invitation asks a team to join a chat ("Chat invitations").
type Invitation struct {
	InvitedTeamID TeamID `json:"invited_team_id"`
}
