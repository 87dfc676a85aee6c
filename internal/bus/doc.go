// Package bus carries what happens at the desk to whoever wants to know.
//
// Events leave the desk in the outbox of the transaction that made them. A
// [Relay] claims them there, publishes them through Watermill and removes them
// when every subscriber took them: each subscriber sees every event at least
// once, those of one process in the order in which they were made. A
// [Webhook] is a subscriber that posts events to another system.
package bus
