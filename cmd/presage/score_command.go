package main

import "context"

type scoreCommand struct {
	Columns   []string `help:"Columns to score; without it all after the first, labels too if there are any." placeholder:"COLUMN"`
	Fit       int      `help:"The first N rows are known to be healthy." placeholder:"N"`
	AlertRate float64  `help:"Alerts per 1000 rows to aim at." default:"0.8"`
}

// Run scores standard input onto standard output.
func (c scoreCommand) Run(ctx context.Context, std streams) error {
	return score(ctx, std.in, std.out, scoreOptions(c))
}
