// Package tickets is the service desk: what a fault ticket is, how findings of
// the detectors open it and people move it, who it is given to and why.
package tickets
