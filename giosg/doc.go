// Package giosg is a typed client of giosg's HTTP API v5, as far as a chatbot
// needs it, with the types of the webhooks that giosg sends to a bot.
//
// A [Client] holds the connections and the limits. A [Token], which a webhook
// brought, is bound with [Client.As] to make a [Session]; every API call is a
// method of Session. [Tokens] keeps the freshest token of each bot user.
//
// The package makes each call once. It never retries, follows no redirect,
// remembers no cookie, and sends a token to no host but the configured one.
// What a caller must know to retry safely is in the [Kind] of the [*Error]:
// above all whether a write surely had no effect ([Temporary], [Throttled]) or
// may have had one ([Unknown]).
//
// Ids from outside are opaque and are checked before they enter a path. No
// error, and no value printed or logged, holds a token.
package giosg
