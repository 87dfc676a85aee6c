package main

type benchCommand struct {
	Ingest benchIngestCommand `cmd:"" help:"Publish, wait for the acknowledgements and tickets, then read everything back."`
}
