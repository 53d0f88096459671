// Package giosg is a typed client of the part of giosg's HTTP API v5 that a
// chatbot needs, and of the webhooks that giosg sends to a bot. Headings in
// quotation marks are those of giosg's chatbot guide and API reference.
//
// A [Client] holds the connections and the limits. [Client.As] binds a [Token],
// which came with a webhook, to make a [Session]. Every API call is a method of
// Session. [Tokens] keeps the newest token of each bot user.
//
// The package makes each call once, unless [Session.WithRetry] says otherwise.
// It follows no redirect, stores no cookie, and sends a token to no other host
// than the configured one. The [Kind] of an [*Error] tells the caller how to
// retry safely: whether a write had no effect ([Temporary], [Throttled]) or may
// have had one ([Unknown]).
//
// Ids from outside are checked before they become part of a path. No error
// contains a token, and neither does a printed or logged value.
package giosg
