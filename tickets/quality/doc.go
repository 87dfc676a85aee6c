// Package quality compares tickets with what is known afterwards, the closing codes of tickets and failures that were imported: it
// turns them into figures with intervals, decides which rule has lost the right to open tickets, and how the level of the statistical
// tier should move. It keeps nothing and reads no clock.
package quality
