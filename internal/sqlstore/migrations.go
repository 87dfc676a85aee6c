package sqlstore

// migrations is the schema, step by step. Read it as the description of the
// database; see [migration] for the rules of changing it.
var migrations = []migration{
	{name: "tickets", statements: []string{
		// A lane proves with its epoch that it still owns its partition.
		`CREATE TABLE lanes (
			partition INTEGER NOT NULL,
			role TEXT NOT NULL,
			owner TEXT NOT NULL,
			epoch BIGINT NOT NULL,
			acquired_at TIMESTAMP NOT NULL,
			PRIMARY KEY (partition, role))`,

		// Numbers that grow by one, such as that of the last ticket.
		`CREATE TABLE counters (
			tenant TEXT NOT NULL,
			name TEXT NOT NULL,
			value BIGINT NOT NULL,
			PRIMARY KEY (tenant, name))`,

		// due_key is the deadline, or the end of time for none, so that it orders and
		// compares without nulls; opened_day is the day of opened_at since 1970.
		`CREATE TABLE tickets (
			tenant TEXT NOT NULL,
			id TEXT NOT NULL,
			number TEXT NOT NULL,
			kind TEXT NOT NULL,
			device TEXT NOT NULL,
			component TEXT NOT NULL,
			fault_code TEXT NOT NULL,
			severity INTEGER NOT NULL,
			priority INTEGER NOT NULL,
			priority_reason TEXT NOT NULL,
			title TEXT NOT NULL,
			title_ref TEXT NOT NULL,
			workflow TEXT NOT NULL,
			workflow_version INTEGER NOT NULL,
			state TEXT NOT NULL,
			category TEXT NOT NULL,
			is_open BOOLEAN NOT NULL,
			onset_at TIMESTAMP NOT NULL,
			opened_at TIMESTAMP NOT NULL,
			opened_day INTEGER NOT NULL,
			recorded_at TIMESTAMP NOT NULL,
			updated_at TIMESTAMP NOT NULL,
			last_seen_at TIMESTAMP NOT NULL,
			cleared_at TIMESTAMP,
			closed_at TIMESTAMP,
			deadline TIMESTAMP,
			due_key TIMESTAMP NOT NULL,
			region TEXT NOT NULL,
			station TEXT NOT NULL,
			assignee TEXT NOT NULL,
			occurrences INTEGER NOT NULL,
			reopened INTEGER NOT NULL,
			previous_id TEXT NOT NULL,
			backfill BOOLEAN NOT NULL,
			resolution TEXT NOT NULL,
			model TEXT NOT NULL,
			customer TEXT NOT NULL,
			facts TEXT NOT NULL,
			revision INTEGER NOT NULL,
			PRIMARY KEY (tenant, id))`,
		// One fault, one open ticket: this index is the referee.
		`CREATE UNIQUE INDEX tickets_one_open ON tickets (tenant, device, component, fault_code) WHERE is_open`,
		`CREATE UNIQUE INDEX tickets_number ON tickets (tenant, number)`,
		`CREATE INDEX tickets_fault ON tickets (tenant, device, component, fault_code)`,
		`CREATE INDEX tickets_due_open ON tickets (tenant, due_key, priority, opened_at, id) WHERE is_open`,
		`CREATE INDEX tickets_due ON tickets (tenant, due_key, priority, opened_at, id)`,
		`CREATE INDEX tickets_opened ON tickets (tenant, opened_at, id)`,
		`CREATE INDEX tickets_updated ON tickets (tenant, updated_at, id)`,
		`CREATE INDEX tickets_station ON tickets (tenant, station, opened_at, id)`,
		`CREATE INDEX tickets_assignee ON tickets (tenant, assignee, opened_at, id)`,
		`CREATE INDEX tickets_customer ON tickets (tenant, customer)`,
		`CREATE INDEX tickets_code ON tickets (tenant, fault_code)`,
		`CREATE INDEX tickets_title ON tickets (tenant, title_ref)`,
		`CREATE INDEX tickets_day ON tickets (tenant, opened_day, model, region)`,

		// How many tickets there are of each combination of facets, kept in the
		// transactions that change tickets: counting a million rows is too slow for a page.
		`CREATE TABLE ticket_tally (
			tenant TEXT NOT NULL,
			is_open BOOLEAN NOT NULL,
			region TEXT NOT NULL,
			station TEXT NOT NULL,
			severity INTEGER NOT NULL,
			component TEXT NOT NULL,
			state TEXT NOT NULL,
			assignee TEXT NOT NULL,
			n INTEGER NOT NULL,
			PRIMARY KEY (tenant, is_open, region, station, severity, component, state, assignee))`,

		// The words by which tickets and devices are found. scope says what ref
		// is: a title, a device, a customer, a fault code.
		`CREATE TABLE words (
			tenant TEXT NOT NULL,
			scope TEXT NOT NULL,
			word TEXT NOT NULL,
			ref TEXT NOT NULL,
			PRIMARY KEY (tenant, scope, word, ref))`,
		`CREATE TABLE worded (
			tenant TEXT NOT NULL,
			scope TEXT NOT NULL,
			ref TEXT NOT NULL,
			hash TEXT NOT NULL,
			PRIMARY KEY (tenant, scope, ref))`,

		// Evidence: findings, ticketed or not. The primary key makes a replay harmless.
		`CREATE TABLE findings (
			tenant TEXT NOT NULL,
			id TEXT NOT NULL,
			ticket TEXT NOT NULL,
			device TEXT NOT NULL,
			component TEXT NOT NULL,
			fault_code TEXT NOT NULL,
			detector TEXT NOT NULL,
			phase TEXT NOT NULL,
			severity INTEGER NOT NULL,
			withheld TEXT NOT NULL,
			found_at TIMESTAMP NOT NULL,
			recorded_at TIMESTAMP NOT NULL,
			body TEXT NOT NULL,
			PRIMARY KEY (tenant, id))`,
		`CREATE INDEX findings_time ON findings (tenant, found_at, id)`,
		`CREATE INDEX findings_device ON findings (tenant, device, found_at, id)`,
		`CREATE INDEX findings_detector ON findings (tenant, detector, found_at, id)`,
		`CREATE INDEX findings_ticket ON findings (tenant, ticket, found_at, id) WHERE ticket <> ''`,

		// Append-only.
		`CREATE TABLE history (
			tenant TEXT NOT NULL,
			id TEXT NOT NULL,
			ticket TEXT NOT NULL,
			at TIMESTAMP NOT NULL,
			actor TEXT NOT NULL,
			kind TEXT NOT NULL,
			body TEXT NOT NULL,
			PRIMARY KEY (tenant, id))`,
		`CREATE INDEX history_ticket ON history (tenant, ticket, at, id)`,

		// Sealed diagnoses are hashed: they come back byte for byte.
		`CREATE TABLE diagnoses (
			tenant TEXT NOT NULL,
			ticket TEXT NOT NULL,
			sealed BYTEA NOT NULL,
			PRIMARY KEY (tenant, ticket))`,

		// Events that wait for the relay. A row is claimed for the length of a lease
		// and deleted when every subscriber took it.
		`CREATE TABLE outbox (
			tenant TEXT NOT NULL,
			id TEXT NOT NULL,
			body TEXT NOT NULL,
			claimed_by TEXT NOT NULL DEFAULT '',
			claimed_until TIMESTAMP,
			PRIMARY KEY (tenant, id))`,
		`CREATE INDEX outbox_order ON outbox (id)`,

		// Deliveries to webhooks: one row per event and endpoint until it is taken.
		`CREATE TABLE deliveries (
			tenant TEXT NOT NULL,
			endpoint TEXT NOT NULL,
			event TEXT NOT NULL,
			body TEXT NOT NULL,
			state TEXT NOT NULL,
			attempts INTEGER NOT NULL,
			created_at TIMESTAMP NOT NULL,
			next_at TIMESTAMP NOT NULL,
			last_error TEXT NOT NULL DEFAULT '',
			PRIMARY KEY (tenant, endpoint, event))`,
		`CREATE INDEX deliveries_due ON deliveries (endpoint, next_at) WHERE state = 'pending'`,
		`CREATE INDEX deliveries_state ON deliveries (tenant, state, created_at)`,
	}},
	{name: "fleet", statements: []string{
		// The registry columns come from imports; the columns from last_seen on are how
		// the device is, kept by state messages and by the transactions that change tickets.
		// served_region is the region, or else that of the site; health is a rank, worst first.
		`CREATE TABLE devices (
			tenant TEXT NOT NULL,
			id TEXT NOT NULL,
			name TEXT NOT NULL,
			name_key TEXT NOT NULL,
			model TEXT NOT NULL,
			site TEXT NOT NULL,
			region TEXT NOT NULL,
			served_region TEXT NOT NULL,
			customer TEXT NOT NULL,
			serial TEXT NOT NULL,
			batch TEXT NOT NULL,
			firmware TEXT NOT NULL,
			criticality INTEGER NOT NULL,
			purchased TIMESTAMP,
			warranty TIMESTAMP,
			attributes TEXT NOT NULL,
			registered TIMESTAMP NOT NULL,
			retired BOOLEAN NOT NULL,
			last_seen TIMESTAMP NOT NULL,
			online BOOLEAN,
			open_tickets INTEGER NOT NULL,
			worst INTEGER NOT NULL,
			silent BOOLEAN NOT NULL,
			health INTEGER NOT NULL,
			PRIMARY KEY (tenant, id))`,
		`CREATE INDEX devices_health ON devices (tenant, health, id)`,
		`CREATE INDEX devices_name ON devices (tenant, name_key, id)`,
		`CREATE INDEX devices_seen ON devices (tenant, last_seen, id)`,
		`CREATE INDEX devices_model ON devices (tenant, model, id)`,
		`CREATE INDEX devices_region ON devices (tenant, served_region, id)`,
		`CREATE INDEX devices_site ON devices (tenant, site, id)`,
		`CREATE INDEX devices_customer ON devices (tenant, customer, id)`,
		`CREATE INDEX devices_cell ON devices (tenant, retired, model, served_region, health, silent, open_tickets)`,

		// What a device last said of itself.
		`CREATE TABLE device_states (
			tenant TEXT NOT NULL,
			device TEXT NOT NULL,
			at TIMESTAMP NOT NULL,
			online BOOLEAN NOT NULL,
			attributes TEXT NOT NULL,
			PRIMARY KEY (tenant, device))`,

		`CREATE TABLE device_events (
			tenant TEXT NOT NULL,
			device TEXT NOT NULL,
			at TIMESTAMP NOT NULL,
			code TEXT NOT NULL,
			event_id TEXT NOT NULL,
			severity INTEGER NOT NULL,
			attributes TEXT NOT NULL,
			PRIMARY KEY (tenant, device, at, code, event_id))`,

		// What is small enough to be held in memory is kept as documents; kind
		// is "model", "site", "region", "station", "technician" or "customer".
		`CREATE TABLE fleet_documents (
			tenant TEXT NOT NULL,
			kind TEXT NOT NULL,
			id TEXT NOT NULL,
			name TEXT NOT NULL,
			body TEXT NOT NULL,
			PRIMARY KEY (tenant, kind, id))`,
		`CREATE TABLE coverage (
			tenant TEXT NOT NULL,
			station TEXT NOT NULL,
			region TEXT NOT NULL,
			model TEXT NOT NULL,
			component TEXT NOT NULL,
			rank INTEGER NOT NULL,
			PRIMARY KEY (tenant, station, region, model, component))`,

		// Payloads that could not be read. digest tells a repetition.
		`CREATE TABLE rejected (
			tenant TEXT NOT NULL,
			id TEXT NOT NULL,
			digest TEXT NOT NULL,
			device TEXT NOT NULL,
			topic TEXT NOT NULL,
			arrival TIMESTAMP NOT NULL,
			reason TEXT NOT NULL,
			detail TEXT NOT NULL,
			payload BYTEA NOT NULL,
			truncated BOOLEAN NOT NULL,
			PRIMARY KEY (tenant, id))`,
		`CREATE UNIQUE INDEX rejected_digest ON rejected (tenant, digest)`,
		`CREATE INDEX rejected_arrival ON rejected (tenant, arrival, id)`,
	}},
	{name: "access", statements: []string{
		`CREATE TABLE users (
			tenant TEXT NOT NULL,
			id TEXT NOT NULL,
			name TEXT NOT NULL,
			display TEXT NOT NULL,
			role TEXT NOT NULL,
			language TEXT NOT NULL,
			time_zone TEXT NOT NULL,
			technician TEXT NOT NULL,
			created TIMESTAMP NOT NULL,
			disabled BOOLEAN NOT NULL,
			password_hash TEXT NOT NULL,
			PRIMARY KEY (tenant, id))`,
		`CREATE UNIQUE INDEX users_name ON users (tenant, name)`,
		`CREATE TABLE sessions (
			tenant TEXT NOT NULL,
			id TEXT NOT NULL,
			username TEXT NOT NULL,
			created TIMESTAMP NOT NULL,
			last_seen TIMESTAMP NOT NULL,
			expires TIMESTAMP NOT NULL,
			PRIMARY KEY (id))`,
		`CREATE INDEX sessions_user ON sessions (tenant, username)`,
		`CREATE INDEX sessions_expires ON sessions (expires)`,
		`CREATE TABLE tokens (
			tenant TEXT NOT NULL,
			id TEXT NOT NULL,
			name TEXT NOT NULL,
			role TEXT NOT NULL,
			hash TEXT NOT NULL,
			created TIMESTAMP NOT NULL,
			created_by TEXT NOT NULL,
			expires TIMESTAMP,
			last_used TIMESTAMP,
			PRIMARY KEY (tenant, id))`,
		`CREATE UNIQUE INDEX tokens_name ON tokens (tenant, name)`,
		`CREATE UNIQUE INDEX tokens_hash ON tokens (hash)`,
	}},
	{name: "housekeeping", statements: []string{
		// Pages of deliveries in any state.
		`CREATE INDEX deliveries_created ON deliveries (tenant, created_at, event, endpoint)`,
		// What grows with the devices is removed when it is old, a few rows at a time.
		`CREATE INDEX findings_unticketed ON findings (recorded_at) WHERE ticket = ''`,
		`CREATE INDEX device_events_at ON device_events (at)`,
		`CREATE INDEX deliveries_age ON deliveries (created_at)`,
	}}, {name: "pages of tickets", statements: []string{
		// What a queue shows of one technician, station, component or region: in its order, however many others there are.
		`CREATE INDEX tickets_assignee_open ON tickets (tenant, assignee, due_key, priority, opened_at, id) WHERE is_open`,
		`CREATE INDEX tickets_station_open ON tickets (tenant, station, due_key, priority, opened_at, id) WHERE is_open`,
		`CREATE INDEX tickets_component_open ON tickets (tenant, component, due_key, priority, opened_at, id) WHERE is_open`,
		`CREATE INDEX tickets_region_open ON tickets (tenant, region, due_key, priority, opened_at, id) WHERE is_open`,
		`CREATE INDEX tickets_component ON tickets (tenant, component, opened_at, id)`,
		`CREATE INDEX tickets_region ON tickets (tenant, region, opened_at, id)`,
	}},
	{name: "device credentials", statements: []string{
		// Tokens of devices. revision is unique and grows with every change, in the order of the
		// commits, so that who polls misses none.
		`CREATE TABLE device_credentials (
			id TEXT NOT NULL,
			tenant TEXT NOT NULL,
			device TEXT NOT NULL,
			devices TEXT NOT NULL,
			hash TEXT NOT NULL,
			mosquitto TEXT NOT NULL,
			created TIMESTAMP NOT NULL,
			created_by TEXT NOT NULL,
			expires TIMESTAMP,
			revoked TIMESTAMP,
			last_used TIMESTAMP,
			revision BIGINT NOT NULL,
			PRIMARY KEY (id))`,
		`CREATE UNIQUE INDEX device_credentials_hash ON device_credentials (hash)`,
		`CREATE UNIQUE INDEX device_credentials_revision ON device_credentials (revision)`,
		`CREATE INDEX device_credentials_device ON device_credentials (tenant, device, id)`,
		`CREATE INDEX device_credentials_list ON device_credentials (tenant, id)`,
	}},
	{name: "failures", statements: []string{
		// Breakdowns that are known from elsewhere. One that is told again is the same row.
		`CREATE TABLE failures (
			tenant TEXT NOT NULL,
			device TEXT NOT NULL,
			component TEXT NOT NULL,
			failed_at TIMESTAMP NOT NULL,
			code TEXT NOT NULL,
			imported_at TIMESTAMP NOT NULL,
			PRIMARY KEY (tenant, device, failed_at, component, code))`,
		`CREATE INDEX failures_at ON failures (tenant, failed_at, device, component, code)`,
	}},
	{name: "quality of detectors", statements: []string{
		// The rule of findings that are older than this column is not known: it is empty.
		`ALTER TABLE findings ADD COLUMN rule TEXT NOT NULL DEFAULT ''`,
		`CREATE INDEX findings_trial ON findings (tenant, found_at) WHERE withheld = 'shadow' AND phase = 'raised'`,
		// The stages that differ from the catalogue's, and every change of one.
		`CREATE TABLE detector_stages (
			tenant TEXT NOT NULL,
			rule TEXT NOT NULL,
			model TEXT NOT NULL,
			body TEXT NOT NULL,
			changed_at TIMESTAMP NOT NULL,
			PRIMARY KEY (tenant, rule, model))`,
		`CREATE TABLE detector_stage_changes (
			tenant TEXT NOT NULL,
			id TEXT NOT NULL,
			body TEXT NOT NULL,
			PRIMARY KEY (tenant, id))`,
	}},
	{name: "maintenance", statements: []string{
		// over_at is when the window ends or was ended.
		`CREATE TABLE maintenance (
			tenant TEXT NOT NULL,
			id TEXT NOT NULL,
			device TEXT NOT NULL,
			site TEXT NOT NULL,
			model TEXT NOT NULL,
			region TEXT NOT NULL,
			component TEXT NOT NULL,
			from_at TIMESTAMP NOT NULL,
			over_at TIMESTAMP NOT NULL,
			revision INTEGER NOT NULL,
			body TEXT NOT NULL,
			PRIMARY KEY (tenant, id))`,
		`CREATE INDEX maintenance_over ON maintenance (tenant, over_at)`,
		`CREATE INDEX maintenance_from ON maintenance (tenant, from_at, id)`,
		`CREATE TABLE maintenance_changes (
			tenant TEXT NOT NULL,
			id TEXT NOT NULL,
			maintenance TEXT NOT NULL,
			body TEXT NOT NULL,
			PRIMARY KEY (tenant, id))`,
		`CREATE INDEX maintenance_changes_of ON maintenance_changes (tenant, maintenance, id)`,
		// Faults that wait for the end of a window; newest_at is when they were last found, look_at when they are looked at again.
		`CREATE TABLE held_faults (
			tenant TEXT NOT NULL,
			device TEXT NOT NULL,
			component TEXT NOT NULL,
			fault_code TEXT NOT NULL,
			newest_at TIMESTAMP NOT NULL,
			look_at TIMESTAMP NOT NULL,
			body TEXT NOT NULL,
			PRIMARY KEY (tenant, device, component, fault_code))`,
		`CREATE INDEX held_faults_look ON held_faults (tenant, look_at)`,
	}},
	{name: "flapping", statements: []string{
		// flapping_at is when a fault that comes and goes was last seen to do so; null for all others.
		`ALTER TABLE tickets ADD COLUMN flap TEXT NOT NULL DEFAULT ''`,
		`ALTER TABLE tickets ADD COLUMN flapping_at TIMESTAMP`,
		`CREATE INDEX tickets_flapping ON tickets (tenant, flapping_at, id) WHERE flapping_at IS NOT NULL`,
	}},
}
