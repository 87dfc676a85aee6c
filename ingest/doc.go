// Package ingest takes messages from a broker and makes sure that what was
// acknowledged is never lost: an [Intake] decodes, validates and journals them,
// and lanes apply the journal to the series store, the detectors and the desk.
package ingest
