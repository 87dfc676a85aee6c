// Package workflow reads the flows that tickets follow from YAML: stages with
// their category, the moves between them, who may make each, what a move
// requires and which conditions guard it.
//
// A flow is one YAML document. Its version is part of its name: a ticket pins
// the version it began with, so a changed flow gets a new version and the old
// one stays in the library as long as tickets follow it. See
// flows/equipment-repair.v1.yaml for a complete one.
package workflow
