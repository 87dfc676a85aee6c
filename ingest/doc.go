// Package ingest takes messages from a broker and makes sure that what was
// acknowledged is never lost.
//
// An [Intake] decodes and checks each message and journals it; when the journal says that it is
// durable, the caller acknowledges it. [Lanes] apply the journal, one lane for each partition: one cursor stores the series,
// the events and the quarantine, the other runs the detection and takes its findings to the desk. What they have
// done is in checkpoints, so that a restart goes on where the last one ended.
//
// The path of a message through the files of this package: intake.go, limits.go, vocabulary.go
// (what is taken), journaling.go (the seam to package journal), tail.go (a cursor), storing.go
// and detecting.go (what the cursors do), pending.go (findings on their way to the desk),
// saver.go, checkpoints.go and checkpoint.go (what outlives the process). Stores that are away are waited for
// (retry.go); what they refuse for good goes to the quarantine (refused.go).
//
// To shut down, in this order: the broker stops reading, [Intake.Close] waits for the messages inside, the stop context of
// [Lanes.Run] ends, and the journal is closed.
package ingest
