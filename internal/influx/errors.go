package influx

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	influxhttp "github.com/influxdata/influxdb-client-go/v2/api/http"

	"github.com/presage-pdm/presage/telemetry/series"
)

// errNotThere marks errors of a server that did not answer, or said that it cannot now.
var errNotThere = errors.New("no answer")

// classify tells what a failed request means. Only an answer that the request
// itself is wrong counts against the data; everything else, down to wrong
// credentials and a missing database, somebody can mend and a retry then
// succeeds, so it wraps [series.ErrUnavailable].
func classify(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("influxdb: %w", ctx.Err())
	}
	var answer *influxhttp.Error
	if !errors.As(err, &answer) {
		return fmt.Errorf("influxdb: %w: %w: %w", series.ErrUnavailable, errNotThere, err)
	}
	return answered(answer.StatusCode, answer.Error())
}

// answered turns an HTTP status and what the server said into an error.
func answered(status int, message string) error {
	switch {
	case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge, status == http.StatusUnprocessableEntity:
		return fmt.Errorf("influxdb refused: %d %s", status, message)
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return fmt.Errorf("influxdb: %w: %d %s: check the token and its rights", series.ErrUnavailable, status, message)
	case status == http.StatusNotFound:
		return fmt.Errorf("influxdb: %w: %w: %s", series.ErrUnavailable, errNoDatabase, message)
	case status >= 500, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status == 0:
		return fmt.Errorf("influxdb: %w: %w: %d %s", series.ErrUnavailable, errNotThere, status, message)
	}
	return fmt.Errorf("influxdb: %w: unexpected answer %d %s: is this an InfluxDB?", series.ErrUnavailable, status, message)
}

// errNoDatabase marks the answer that the database does not exist.
var errNoDatabase = errors.New("database not found")
