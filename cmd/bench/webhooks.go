package main

import "strconv"

// The bodies have the fields and the size of giosg's.

const (
	timeFormat = "2006-01-02T15:04:05.000Z"
	secret     = "a-secret-of-the-bench"
	hookPath   = "/webhooks/messages?secret=" + secret
	chatPath   = "/webhooks/pending_chats?secret=" + secret
)

var roomID = uuid(0, 3)

// words is one message of a chat.
type words struct {
	id, chat, room, at string
	by                 string // "visitor" or "user"
	user               string // the bot user, as a sender
	kind               string // empty: "msg"
	text               string
}

// message appends a message as giosg's API and webhooks encode it. Its texts must not need escapes.
func message(b []byte, w words) []byte {
	if w.kind == "" {
		w.kind = "msg"
	}
	sender := w.user
	if w.by == "visitor" {
		sender = "a84f1b003e7e532b59ab5bbb6e0f4d23"
	}
	b = append(b, `{"id":"`...)
	b = append(b, w.id...)
	b = append(b, `","type":"`...)
	b = append(b, w.kind...)
	b = append(b, `","chat_id":"`...)
	b = append(b, w.chat...)
	b = append(b, `","room_id":"`...)
	b = append(b, w.room...)
	b = append(b, `","created_at":"`...)
	b = append(b, w.at...)
	b = append(b, `","sender_type":"`...)
	b = append(b, w.by...)
	b = append(b, `","sender_id":"`...)
	b = append(b, sender...)
	b = append(b, `","sender_public_name":null,"sender_name":null,"sender_avatar":null,"message":"`...)
	b = append(b, w.text...)
	return append(b, `","is_encrypted":false,"sensitive_data_purged_at":null,"selected_reply_suggestion_id":null,"selected_reply_suggestion":null,`+
		`"attachments":[],"attachment_template":null,"response_to_message_id":null,"response_to_attachment_id":null,"response_to_attachment":null,`+
		`"response_to_action_id":null,"response_to_action":null,"response_text":null,"response_value":null}`...)
}

// envelope appends a webhook up to its resource. Each webhook has a new token, as giosg's have.
func envelope(b []byte, channel, resource, user, org string, token int64) []byte {
	b = append(b, `{"channel":"/api/v5/users/`...)
	b = append(b, user...)
	b = append(b, channel...)
	b = append(b, `","action":"added","resource_id":"`...)
	b = append(b, resource...)
	b = append(b, `","app_user_auth":{"access_token":"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJvcmdhbml6YXRpb25faWQiOiJlMmUyYzI0Ny1iNGYyLTQyMmItYjAxOC04MTc3MzgzYTJkNmQiLCJ`+
		`zY29wZXMiOltdLCJ2ZXJzaW9uIjowLCJqdGkiOiJlMzgyNzUyMi0yNGY0LTQxY2MtOWJjNi0xOWRlNjU0NzRjMDkiLCJhdWQiOlsiaHR0cHM6Ly9zZXJ2aWNlLmdpb3NnLmNvbSJdLCJleHAiOjE3OTUxNzQz`+
		`NTUuMjk1LCJ1c2VyX2lkIjoiNzVlZDQwZGEtOGZkMC00NWM5LTg1ZDUtNjUwOWQ3YjFjMTEyIiwiaXNzIjoiYmVuY2giLCJhcHBfaWQiOm51bGx9.`...)
	b = strconv.AppendInt(b, token, 10)
	b = append(b, `","token_type":"Bearer","expires_in":300,"user_id":"`...)
	b = append(b, user...)
	b = append(b, `","organization_id":"`...)
	b = append(b, org...)
	return append(b, `"},"resource":`...)
}

// messageHook appends the webhook of a message in one of the bot's own chats.
func messageHook(b []byte, w words, org string, token int64) []byte {
	b = envelope(b, "/chats/"+w.chat+"/messages", w.id, w.user, org, token)
	return append(message(b, w), '}')
}

// chatHook appends the webhook of a pending chat.
func chatHook(b []byte, chat, user, org, at string, token int64) []byte {
	b = envelope(b, "/pending_chats", chat, user, org, token)
	b = append(b, `{"id":"`...)
	b = append(b, chat...)
	b = append(b, `","chat_type":"visitor","created_at":"`...)
	b = append(b, at...)
	b = append(b, `","updated_at":"`...)
	b = append(b, at...)
	b = append(b, `","ended_at":null,"waiting_started_at":"`...)
	b = append(b, at...)
	b = append(b, `","room_id":"`...)
	b = append(b, roomID...)
	b = append(b, `","room_organization_id":"`...)
	b = append(b, org...)
	return append(b, `","room_name":"Shop","tag_count":0,"message_count":0,"user_message_count":0,"visitor_message_count":0,"has_messages":false,`+
		`"has_user_messages":false,"has_visitor_messages":false,"present_participant_count":1,"present_user_participant_count":0,`+
		`"present_visitor_participant_count":1,"member_count":1,"user_member_count":0,"visitor_member_count":1,"is_private":false,`+
		`"is_real_conversation":false,"is_autosuggested":false,"is_waiting":true,"is_pending":true,"is_ended":false,"is_encrypted":false,`+
		`"encrypted_symmetric_key":null,"autosuggest_url":null,"autosuggest_url_title":null,"first_visitor_message_url":"https://www.example.com/",`+
		`"first_visitor_message_url_title":"Front page","legacy_conversation_state":"waiting","visitor_wait_time":null,"duration":0,"active_duration":0}}`...)
}
