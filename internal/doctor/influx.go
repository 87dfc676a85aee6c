package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// Influx is the external series store.
type Influx struct {
	URL, Token, Database string
	// Retention is the setting series.retention; 0 is for ever.
	Retention time.Duration
}

// Check looks at reachability, version, rights and retention, and writes, reads back and removes a series of its own.
func (i Influx) Check() Check { return Check{Name: "series store", Look: i.look} }

// probeMeasurement is the series of the doctor, beside "reading" of Presage.
const probeMeasurement = "presage_doctor"

func (i Influx) look(ctx context.Context) []Result {
	version, err := i.ping(ctx)
	if err != nil {
		return one(Bad(fmt.Sprintf("InfluxDB cannot be reached: %v.", err), "Readings wait in the journal while it is away. Check host and port in series.url, and the firewall."))
	}
	results := one(Good("InfluxDB %s answers.", version))
	databases, err := i.query(ctx, "SHOW DATABASES")
	if err != nil {
		return append(results, i.refused(err))
	}
	if !slices.ContainsFunc(databases, func(row []any) bool { return len(row) > 0 && row[0] == i.Database }) {
		return append(results, Weak(fmt.Sprintf("There is no database %q yet.", i.Database),
			"Presage makes it at the start if the user is an administrator. Otherwise: CREATE DATABASE "+quoted(i.Database)+", and GRANT ALL ON it to the user."))
	}
	return append(append(results, i.retention(ctx)...), i.probe(ctx))
}

// errDenied marks an answer that the credentials are wrong or may not.
var errDenied = errors.New("not allowed")

func (i Influx) refused(err error) Result {
	if errors.Is(err, errDenied) {
		return Bad(fmt.Sprintf("InfluxDB refuses the credentials: %v.", err),
			"Set series.token (PRESAGE_SERIES_TOKEN) to user:password for InfluxDB 1.8, to an API token for later versions, and give that user all rights on the database.")
	}
	return Bad(fmt.Sprintf("InfluxDB answers wrongly: %v.", err), "Is it an InfluxDB 1.8, 2 or 3? Check series.url.")
}

func (i Influx) retention(ctx context.Context) []Result {
	policies, err := i.query(ctx, "SHOW RETENTION POLICIES ON "+quoted(i.Database))
	if err != nil {
		return nil // later versions keep it elsewhere
	}
	for _, row := range policies { // name, duration, shardGroupDuration, replicaN, default
		if len(row) < 5 || row[4] != true {
			continue
		}
		text, _ := row[1].(string)
		keep, err := time.ParseDuration(text)
		if err != nil || keep == i.Retention {
			break
		}
		return one(Weak(fmt.Sprintf("The database keeps readings for %s, series.retention says %s (0s is for ever).", text, i.Retention),
			fmt.Sprintf("That of a database that exists is left alone: ALTER RETENTION POLICY %s ON %s DURATION %s, or change the setting.", quoted(fmt.Sprint(row[0])), quoted(i.Database), influxDuration(i.Retention))))
	}
	return one(Good("Readings are kept as long as series.retention says."))
}

func influxDuration(d time.Duration) string {
	if d == 0 {
		return "INF"
	}
	return fmt.Sprintf("%ds", int64(d.Seconds()))
}

// probe writes a point, reads it back and removes it.
func (i Influx) probe(ctx context.Context) Result {
	run := fmt.Sprintf("%d-%d", os.Getpid(), time.Now().UnixNano())
	begun := time.Now()
	line := fmt.Sprintf("%s,run=%s value=1 %d\n", probeMeasurement, run, begun.UnixMilli())
	address := i.URL + "/api/v2/write?" + url.Values{"bucket": {i.Database}, "org": {""}, "precision": {"ms"}}.Encode()
	if _, err := i.ask(ctx, http.MethodPost, strings.TrimSuffix(address, "/"), line); err != nil {
		return i.refused(fmt.Errorf("write a point: %w", err))
	}
	wrote := time.Since(begun)
	back, err := i.query(ctx, fmt.Sprintf("SELECT value FROM %s WHERE run = '%s'", quoted(probeMeasurement), run))
	if err != nil {
		return i.refused(fmt.Errorf("read a point back: %w", err))
	}
	// Dropped whatever was read: the series is the doctor's alone.
	_, dropped := i.query(ctx, fmt.Sprintf("DROP SERIES FROM %s WHERE run = '%s'", quoted(probeMeasurement), run))
	switch {
	case len(back) != 1:
		return Bad(fmt.Sprintf("A point that was written cannot be read back (%d points).", len(back)), "Charts would stay empty: the database of series.database must be the one that queries read. With InfluxDB 2, map it with influx v1 dbrp create.")
	case dropped != nil:
		return Weak(fmt.Sprintf("A point was written and read back in %s, and could not be removed: %v.", wrote.Round(time.Millisecond), dropped), "Remove the measurement "+probeMeasurement+" by hand; Presage does not need that right.")
	}
	return Good("A point was written (%s), read back and removed.", wrote.Round(time.Millisecond))
}

func (i Influx) ping(ctx context.Context) (version string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(i.URL, "/")+"/ping", nil)
	if err != nil {
		return "", err
	}
	response, err := i.do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if version = response.Header.Get("X-Influxdb-Version"); version == "" {
		return "", fmt.Errorf("/ping answers %s without a version: is it an InfluxDB?", response.Status)
	}
	return version, nil
}

// do makes one request, bounded in time. The error does not show the URL.
func (i Influx) do(request *http.Request) (*http.Response, error) {
	response, err := (&http.Client{Timeout: 10 * time.Second}).Do(request)
	if err != nil {
		return nil, withoutURL(err)
	}
	return response, nil
}

// query runs an InfluxQL statement and returns the rows of its first result.
func (i Influx) query(ctx context.Context, statement string) ([][]any, error) {
	body, err := i.ask(ctx, http.MethodPost, i.URL+"/query?"+url.Values{"db": {i.Database}, "q": {statement}, "epoch": {"ms"}}.Encode(), "")
	if err != nil {
		return nil, err
	}
	var answer struct {
		Error   string
		Results []struct {
			Error  string
			Series []struct{ Values [][]any }
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("no JSON: %.100s", body)
	}
	var rows [][]any
	for _, r := range answer.Results {
		if r.Error != "" {
			return nil, fmt.Errorf("%w: %s", errDenied, r.Error)
		}
		for _, s := range r.Series {
			rows = append(rows, s.Values...)
		}
	}
	return rows, nil
}

func (i Influx) ask(ctx context.Context, method, address, text string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(text))
	if err != nil {
		return nil, withoutURL(err)
	}
	if i.Token != "" {
		request.Header.Set("Authorization", "Token "+i.Token)
	}
	response, err := i.do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	switch {
	case err != nil:
		return nil, err
	case response.StatusCode == http.StatusUnauthorized, response.StatusCode == http.StatusForbidden:
		return nil, fmt.Errorf("%w: %s %.200s", errDenied, response.Status, strings.TrimSpace(string(body)))
	case response.StatusCode/100 != 2:
		return nil, fmt.Errorf("%s %.200s", response.Status, strings.TrimSpace(string(body)))
	}
	return body, nil
}

// withoutURL takes the URL out of an error: it may hold a password.
func withoutURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// quoted writes an identifier of InfluxQL.
func quoted(name string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(name) + `"`
}
