// Package maintenance knows when work on devices was announced: while a window runs, what goes wrong within its scope is recorded and
// opens no ticket.
package maintenance
