// Package subscriber takes messages from an external MQTT broker, such as
// Mosquitto, EMQX, HiveMQ or NATS, so that none which that broker acknowledged to a
// device is lost between it and the journal.
//
// Every shard of topics has a plain durable session with a stable client
// identifier. A message is acknowledged when the intake says that it is durable, and
// not before. What was not acknowledged when the connection broke, or when the
// process ended, the broker sends again; whatever comes twice changes nothing
// further on. Shared subscriptions are not used: with common brokers they lose
// or strand messages when a member dies.
//
// The broker must keep what it acknowledges: persistent sessions, no limit on
// queued messages that is shorter than the longest outage (Mosquitto: persistence
// true, max_queued_messages 0).
//
// Changing which shard a topic belongs to, or the number of shards, leaves
// sessions behind on the broker that nobody empties: remove them there.
package subscriber
