// Package giosgtest is a stand-in for the giosg live-chat platform: organizations, rooms, visitors, colleagues, the API that a bot
// calls and the webhooks that it gets. It is for tests and for trying a bot out on one's own machine. It imports nothing of this
// module, so that a misspelt attribute cannot hide on both sides. The code under test meets it over real HTTP; the tester
// uses the Go methods, which are plain verbs and never go over the wire.
//
// It is NOT for production: it keeps everything in memory, serves loopback addresses only, and by default it is rude on purpose.
// Webhooks come twice, late and in any order, some API calls fail, pages hold three results (Rude, Options). Use Polite for tests of
// exact sequences.
//
// # What it promises
//
// Attribute names and shapes follow the published material on giosg, to the last key. A chat lives as it does there: opened, waiting
// and pending from the visitor's first message, taken by the first present user who joins participating, ended for good. Presence
// and tokens expire by the platform's clock, which Advance moves. Faults strike before or after a call takes effect. What no bot may
// do is recorded (Violations) besides being refused. Work per call does not grow with the number of chats (but for filtered chat lists
// other than the open chats of a user).
//
// # Choices
//
// The published material is silent or of two minds in places. These are choices, and Options has a switch for most of them:
//
//   - Error bodies are in the style of Django REST Framework.
//   - A second take of a pending chat by its own holder is 404 (RepeatTakeOK).
//   - Leaving does not make a chat pending again (RequeueOnLeave).
//   - Expired user clients stay in the list, and a PATCH revives one with 201 (ForgetExpiredClients).
//   - Chats are listed newest first, messages oldest first (OldestChatsFirst, NewestFirst).
//   - The messages of a routed chat can be read before joining (HideRoutedMessages).
//   - is_participating must be given when joining; composing_status need not.
//   - An attachment does not replace the message, which may not be empty.
//   - A membership that never participates logs no join entry.
//   - Writes to an ended chat are 400 (EndedStatus); a removed webhook has no resource key.
//   - Every webhook, also a copy or a late attempt, carries a token minted when it is sent (Manners.KeepToken).
//   - A user's answer clears is_waiting; only a present participant, or the end, clears is_pending. Taking is decided when the
//     membership is written: coming back to presence later takes nothing.
//   - A token on the path of a colleague or of a foreign organization is 403, on that of a foreign user or chat 404.
//
// # Limitations
//
// Not modelled: the code exchange at /identity/token and app triggers; the public API of visitors and the real-time socket; visitors'
// details and variables; tags and reply suggestions; avatars; encryption keys (SayEncrypted only shows what a bot may meet);
// acceptance and expiry of invitations; typing that decays; chats that end by idling; scopes and permissions beyond "one's own";
// other chat types than visitor. previous is always null, and the ordering parameter works for teams only. Every call and every change
// goes through one lock. A * in a webhook pattern is one segment; a bot sees its own channels and its organization's, nothing else. Lag,
// back-off and delays are in real time and do not follow Advance.
package giosgtest
