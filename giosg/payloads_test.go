package giosg_test

// Payloads that giosg has published: fixtures of its demo bot and dumps that come
// with its examples. The button click is made from published field lists.

const authPart = `{"access_token": "secret-access-token-1", "token_type": "Bearer", "expires_in": 300,
    "user_id": "dabfd452-cbc0-4eff-aaac-f4e125db0fe4", "organization_id": "7f9e9580-095b-42c7-838c-c04e667b26f7"}`

const routedChatAdded = `{
  "channel": "/api/v5/users/dabfd452-cbc0-4eff-aaac-f4e125db0fe4/routed_chats",
  "action": "added",
  "resource_id": "e1549f4d-d2a6-4efb-b64c-e977b0a5ba96",
  "app_user_auth": {
    "access_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJmb28iOiJiYXIifQ.JsxySWmKqmsd7BTXRi3JnmkFS4kJJTU_NYUN2NcfsP8",
    "token_type": "Bearer",
    "expires_in": 300,
    "user_id": "dabfd452-cbc0-4eff-aaac-f4e125db0fe4",
    "organization_id": "7f9e9580-095b-42c7-838c-c04e667b26f7"
  },
  "resource": {
    "id": "e1549f4d-d2a6-4efb-b64c-e977b0a5ba96",
    "token": "uibdbtmk5etolmjaduaafnqpl2ujzkyr4slkq3cabdai37qm",
    "created_at": "2015-02-13T11:31:36.042",
    "ended_at": null,
    "waiting_started_at": null,
    "updated_at": "2015-02-13T12:38:36.431",
    "room_id": "9926bdfa-56e0-11e5-b98c-6c4008c08dfe",
    "room_name": "Customer Support",
    "room_organization_id": "7f9e9580-095b-42c7-838c-c04e667b26f7",
    "is_private": false,
    "is_real_conversation": false,
    "is_autosuggested": false,
    "is_encrypted": true,
    "encrypted_symmetric_key": "0d59ab43b5704f08b2aec117658f4bc29a9b0c248547404298bb8a3f06eab7206455a0ddfa1d4972a364d7766eccb4ca",
    "message_count": 0,
    "user_message_count": 0,
    "visitor_message_count": 0,
    "has_messages": false,
    "has_user_messages": false,
    "has_visitor_messages": false,
    "first_visitor_message_url": "http://www.customerpage.com/settings",
    "first_visitor_message_url_title": "Profile Settings",
    "autosuggest_url": "http://www.customerpage.com/",
    "autosuggest_url_title": "Site Frontpage",
    "tag_count": 2,
    "is_waiting": true,
    "member_count": 2,
    "user_member_count": 1,
    "visitor_member_count": 1,
    "present_participant_count": 1,
    "present_user_participant_count": 1,
    "present_visitor_participant_count": 1,
    "legacy_conversation_state": "waiting",
    "legacy_room_id": "7sbjsyokgkdmyoifwyaafzll6sdthgar42sbv5c4rhds3yym"
  }
}`

const autosuggestAdded = `{
  "channel": "/api/v5/users/dabfd452-cbc0-4eff-aaac-f4e125db0fe4/routed_chats/450fc49e-277e-4dd6-af0f-6e9dcb885b09/messages",
  "action": "added",
  "resource_id": "e1549f4d-d2a6-4efb-b64c-e977b0a5ba96",
  "app_user_auth": ` + authPart + `,
  "resource": {
    "id": "8a94b3f1-d8a9-4530-b1f1-b757a8a57078",
    "type": "autosuggest",
    "chat_id": "450fc49e-277e-4dd6-af0f-6e9dcb885b09",
    "created_at": "2015-02-13T11:30:03.045",
    "sender_type": "user",
    "sender_id": "7c94ae79-a4b4-4eea-ac23-24c16f910080",
    "sender_public_name": "Customer Service",
    "sender_name": "John Smith",
    "message": "How may I help you?",
    "is_encrypted": false,
    "sensitive_data_purged_at": null,
    "selected_reply_suggestion_id": null,
    "selected_reply_suggestion": null,
    "attachments": [],
    "response_to_message_id": null,
    "response_to_attachment_id": null,
    "response_to_attachment": null,
    "response_to_action_id": null,
    "response_to_action": null,
    "response_value": null
  }
}`

const messagesPage = `{
  "next": null,
  "previous": null,
  "results": [
    {
      "id": "2dc79944-0aa1-11ee-afb4-0242ac120008",
      "type": "msg",
      "chat_id": "26534820-0aa1-11ee-9b63-0242ac120009",
      "room_id": "4e2e1e3a-0a9f-11ee-9777-0242ac120005",
      "created_at": "2023-06-14T10:49:46.913Z",
      "sender_type": "visitor",
      "sender_id": "a7dff4af6cd3c2bde01d630e0524157b",
      "sender_public_name": null,
      "sender_name": null,
      "sender_avatar": null,
      "message": null,
      "is_encrypted": true,
      "encrypted_message": "MDAwMDDQ9Mn5kH7v4BXslkglavGSYr0A2Uq1lMSYtYG/BZ5yVhy7rps46bfNuQS8/56ULEsN7pwW\n",
      "sensitive_data_purged_at": null,
      "selected_reply_suggestion_id": null,
      "selected_reply_suggestion": null,
      "attachments": [],
      "attachment_template": null,
      "response_to_message_id": null,
      "response_to_attachment_id": null,
      "response_to_attachment": null,
      "response_to_action_id": null,
      "response_to_action": null,
      "response_text": null,
      "response_value": null
    },
    {
      "id": "2f0da532-0aa1-11ee-9b70-0242ac120011",
      "type": "join",
      "chat_id": "26534820-0aa1-11ee-9b63-0242ac120009",
      "room_id": "4e2e1e3a-0a9f-11ee-9777-0242ac120005",
      "created_at": "2023-06-14T10:49:49.050Z",
      "sender_type": "user",
      "sender_id": "02066e80-8092-11ea-b2b5-0242ac110006",
      "sender_public_name": "Giosgbot",
      "sender_name": "Chatter Bot",
      "sender_avatar": null,
      "message": null,
      "is_encrypted": true,
      "sensitive_data_purged_at": null,
      "selected_reply_suggestion_id": null,
      "selected_reply_suggestion": null,
      "attachments": [],
      "attachment_template": null,
      "response_to_message_id": null,
      "response_to_attachment_id": null,
      "response_to_attachment": null,
      "response_to_action_id": null,
      "response_to_action": null,
      "response_text": null,
      "response_value": null
    }
  ]
}`

const buttonClick = `{
  "channel": "/api/v5/users/bot-1/chats/chat-1/messages",
  "action": "added",
  "resource_id": "message-1",
  "app_user_auth": ` + authPart + `,
  "resource": {
    "id": "message-1", "type": "action", "chat_id": "chat-1", "room_id": "room-1",
    "created_at": "2023-06-14T10:49:55.000Z",
    "sender_type": "visitor", "sender_id": "a7dff4af6cd3c2bde01d630e0524157b",
    "sender_public_name": null, "sender_name": null, "sender_avatar": null,
    "message": null, "is_encrypted": false, "sensitive_data_purged_at": null,
    "selected_reply_suggestion_id": null, "selected_reply_suggestion": null,
    "attachments": [], "attachment_template": null,
    "response_to_message_id": "bot-message-1",
    "response_to_attachment_id": "attachment-1",
    "response_to_attachment": {"id": "attachment-1", "title": null, "title_link_url": null,
      "text": "Was this conversation helpful?", "image_url": null, "image_link_url": null, "link_target": null},
    "response_to_action_id": "action-1",
    "response_to_action": {"id": "action-1", "text": "Yes", "type": "button", "link_target": null,
      "value": "yes", "style": "success", "is_disabled_on_selection": true, "is_disabled_on_visitor_message": false},
    "response_text": "Yes",
    "response_value": "yes"
  }
}`

const chatResource = `{
  "id": "26534820-0aa1-11ee-9b63-0242ac120009",
  "chat_type": "visitor",
  "created_at": "2023-06-14T10:49:34.406Z",
  "updated_at": "2023-06-14T10:50:22.778Z",
  "ended_at": "2023-06-14T10:50:22.767Z",
  "waiting_started_at": "2023-06-14T10:49:46.969Z",
  "room_id": "4e2e1e3a-0a9f-11ee-9777-0242ac120005",
  "room_organization_id": "ff6e7834-9d89-11e9-a62f-0242ac110003",
  "room_name": "Demo encrypted room",
  "tag_count": 1,
  "message_count": 2, "user_message_count": 1, "visitor_message_count": 1,
  "has_messages": true, "has_user_messages": true, "has_visitor_messages": true,
  "present_participant_count": 0, "present_user_participant_count": 0, "present_visitor_participant_count": 0,
  "member_count": 3, "user_member_count": 2, "visitor_member_count": 1,
  "is_private": false, "is_real_conversation": false, "is_autosuggested": true,
  "is_waiting": false, "is_pending": false, "is_ended": true,
  "is_encrypted": true,
  "encrypted_symmetric_key": "Why2w63niQ+be1IuW4Lwxc7H==\n",
  "autosuggest_url": "https://hidden.com/some-page",
  "autosuggest_url_title": "Encryption - So fun!",
  "first_visitor_message_url": "https://hidden.com/some-page",
  "first_visitor_message_url_title": "Encryption - So fun!",
  "token": "rs4tb32r3qpf6eduiyaaejstjaqaviir52nwgascvqjaacim",
  "legacy_conversation_state": "closed",
  "legacy_room_id": "4gvidj6llwg4j6tntqaaetrody5avhyr52lxoascvqjaabim",
  "visitor_wait_time": 13.976128,
  "duration": 13.976128,
  "active_duration": 13.976128
}`

const userClient = `{"id": "2f0da532-0aa1-11ee-9b70-0242ac120011", "presence_expires_in": 7200, "presence_expires_at": "2023-06-14T12:49:34.406Z",
 "is_present": true, "is_about_to_expire": false, "gcm_token": null, "properties": {},
 "subscribed_channels": [], "created_at": "2023-06-14T10:49:34.406Z", "updated_at": "2023-06-14T10:49:34.406Z"}`

const membershipsPage = `{
  "next": null, "previous": null,
  "results": [
    {"member_id": "378ad5a0-bb89-481b-978b-4268b368cfef", "member_type": "user",
     "member_name": "John Smith", "member_public_name": "Customer Service",
     "member_avatar": {"id": "7f9cb877-0fd9-4c27-90b0-bd4c2842da3d",
       "url": "http://www.example.com/avatar/5ef1a0ef-8b61-4473-8706-9669e30b47e6.jpg"},
     "chat_id": "58f5055c-56e0-11e5-9354-6c4008c08dfe", "created_at": "2015-02-13T11:31:36.042",
     "is_participating": true, "is_present": true, "composing_status": "idle", "message_count": 8},
    {"member_id": "3b90ef7c93484af4965a79ace7bc9a62", "member_type": "visitor",
     "member_name": null, "member_public_name": null, "member_avatar": null,
     "chat_id": "58f5055c-56e0-11e5-9354-6c4008c08dfe", "created_at": "2015-02-13T12:14:34.154",
     "is_participating": true, "is_present": true, "composing_status": "composing", "message_count": 7}
  ]
}`

const userChanged = `{"channel": "/api/v5/orgs/d5516bd8-c5f7-4e8b-86c3-0cdcb21df559/users", "action": "changed",
 "resource_id": "6c85a961-c9fd-4ea2-8c91-36cd0eb49670",
 "resource": {"id": "6c85a961-c9fd-4ea2-8c91-36cd0eb49670", "is_online": false, "is_present": false}}`

const userRemoved = `{"channel": "/api/v5/orgs/d5516bd8-c5f7-4e8b-86c3-0cdcb21df559/users", "action": "removed",
 "resource_id": "6c85a961-c9fd-4ea2-8c91-36cd0eb49670"}`
