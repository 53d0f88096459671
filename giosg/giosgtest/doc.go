// Package giosgtest is a simulation of the giosg live-chat platform: organizations, rooms, visitors, colleagues, the API that a bot
// calls and the webhooks that it receives. It is for tests and for trying out a bot on one's own machine. It imports nothing of this
// module, so that a misspelt attribute cannot be in both. The code under test uses real HTTP. The test itself uses the Go methods.
//
// It is NOT for production: it keeps everything in memory and serves loopback addresses only. By default it misbehaves on purpose:
// webhooks arrive twice, late and in any order, some API calls fail, and pages hold three results (see Rude and Options). Use Polite
// for tests of exact sequences.
//
// # What it promises
//
// Attributes have the names and types of the published material on giosg. A chat has the same life as there: it is opened, waits and is
// pending from the visitor's first message on, is taken by the first present user who joins participating, and ends. Presence and tokens
// expire by the platform's clock, which Advance moves. Faults happen before or after a call takes effect. Calls that no bot may make are
// refused and recorded (Violations). The work of a call does not grow with the number of chats, except for filtered chat lists other than
// the open chats of a user.
//
// # Choices
//
// Where the published material says nothing or contradicts itself, these are choices. Options has a switch for most of them:
//
//   - Error bodies are in the style of Django REST Framework.
//   - A user who takes a pending chat for the second time gets 404 (RepeatTakeOK).
//   - Leaving does not make a chat pending again (RequeueOnLeave, WaitAgain).
//   - Expired user clients stay in the list, and a PATCH revives one with 201 (ForgetExpiredClients).
//   - Chats are listed newest first, messages oldest first (OldestChatsFirst, NewestFirst).
//   - The ordering parameter of a list of messages has no effect (Ordering).
//   - The messages of a routed chat can be read before joining (HideRoutedMessages).
//   - is_participating must be given when joining; composing_status need not.
//   - An attachment does not replace the message, which may not be empty.
//   - A membership that never participates logs no join entry.
//   - Writes to an ended chat are 400 (EndedStatus); a removed webhook has no resource key.
//   - Every webhook, also a copy or a late attempt, carries a token made when it is sent (Manners.KeepToken).
//   - A user's answer clears is_waiting; only a present participant, or the end, clears is_pending. A chat is taken when the
//     membership is written: a user who becomes present later takes nothing.
//   - A token used on the path of a colleague or of another organization gets 403; on that of another organization's user or chat, 404.
//
// # Limitations
//
// Not modelled: the code exchange at /identity/token and app triggers; the public API of visitors and the real-time socket; visitors'
// details and variables; tags and reply suggestions; avatars; encryption keys (SayEncrypted only shows what a bot may receive);
// acceptance and expiry of invitations; typing that decays; the end of idle chats; scopes and permissions beyond "one's own";
// other chat types than visitor. previous is always null, and the ordering parameter works for teams and messages only. Every call and every change
// takes one lock. A * in a webhook pattern is one segment. A bot sees its own channels and its organization's, and no others. Lag,
// back-off and delays are in real time and do not follow Advance.
package giosgtest
