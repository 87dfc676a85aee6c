package main

import (
	"io"

	"github.com/presage-pdm/presage/internal/bench"
)

type benchCommand struct {
	All       benchAllCommand       `cmd:"" help:"Measure everything and print one table."`
	Ingest    benchIngestCommand    `cmd:"" help:"Publish, wait for the acknowledgements and tickets, then read everything back."`
	Detectors benchDetectorsCommand `cmd:"" help:"Time and memory of the detectors by themselves."`
	Memory    benchMemoryCommand    `cmd:"" help:"Memory of a server with many devices."`
	Start     benchStartCommand     `cmd:"" help:"Time from kill -9 under load until the server is ready again."`
	Query     benchQueryCommand     `cmd:"" help:"Time of the chart of a device over a day."`
	Tickets   benchTicketsCommand   `cmd:"" help:"Time of a page of tickets out of very many."`
}

// show prints a report that was measured, or returns the error of measuring it.
func show(out io.Writer, asJSON bool, report interface{ text(io.Writer) error }, err error) error {
	switch {
	case err != nil:
		return err
	case asJSON:
		return bench.WriteJSON(out, report)
	}
	return report.text(out)
}
