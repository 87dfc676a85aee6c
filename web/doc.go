// Package web is what people and programs reach over HTTP: the API with its
// OpenAPI document, the live stream of events, sign-in, health, metrics, and
// the browser application.
//
// Every error of the API is a problem document (RFC 9457). Every operation has
// one line in the table of permissions, and an operation without one does not
// start. The interfaces that package web consumes stand in seams.go; times are
// RFC 3339 in UTC, points of series are Unix milliseconds.
package web
