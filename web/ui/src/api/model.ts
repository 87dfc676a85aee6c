// The shapes that the server speaks, under the names the pages use.

/** A sentence by language: "en", "de", "zh". */
export type Text = Record<string, string>;

export type Severity = "info" | "warning" | "major" | "critical";
export type Health = "ok" | "warning" | "major" | "critical" | "silent" | "unknown";
export type Category = "new" | "active" | "waiting" | "verifying" | "done";
export type Role = "viewer" | "technician" | "dispatcher" | "planner" | "admin";

export interface Principal {
  tenant: string;
  user: string;
  display: string;
  role: Role;
  technician?: string;
  language?: string;
  time_zone?: string;
}

export interface Me extends Principal {
  roles: Role[];
  /** Operations of the API that the role may use. */
  may: string[];
  anonymous?: boolean;
}

export interface Facts {
  device_name?: string;
  model?: string;
  model_name?: string;
  device_kind?: string;
  firmware?: string;
  serial?: string;
  site?: string;
  site_name?: string;
  time_zone?: string;
  customer?: string;
  customer_name?: string;
  customer_tier?: string;
  language?: string;
  purchased?: string;
  warranty?: string;
  lat?: number;
  lon?: number;
}

export interface Ticket {
  id: string;
  number: string;
  kind: string;
  device: string;
  component: string;
  fault_code: string;
  severity: Severity;
  priority: number;
  priority_reason: Text;
  title: Text;
  workflow: string;
  workflow_version: number;
  state: string;
  category: Category;
  onset_at: string;
  opened_at: string;
  recorded_at: string;
  updated_at: string;
  last_seen_at: string;
  cleared_at?: string;
  closed_at?: string;
  deadline?: string;
  region: string;
  station: string;
  assignee: string;
  occurrences: number;
  reopened: number;
  previous_id?: string;
  backfill?: boolean;
  resolution?: string;
  facts: Facts;
  revision: number;
}

export interface Action {
  kind: "transition" | "assign" | "take" | "comment";
  to?: string;
  label: Text;
  category?: Category;
  require?: ("note" | "resolution")[];
  allowed: boolean;
  why?: Text;
}

export interface TicketDetail extends Ticket {
  station_name?: string;
  assignee_name?: string;
  region_name?: string;
  actions: Action[];
  resolutions: string[];
}

export interface TicketPage {
  tickets: Ticket[];
  next?: string;
  total: number;
}

/** How many tickets match by each value of each facet. */
export type Counts = Record<string, Record<string, number>>;

export interface Candidate {
  technician: string;
  name: string;
  station: string;
  score: number;
  parts?: Record<string, number>;
  excluded?: string;
}

export interface Dispatch {
  region: string;
  station: string;
  technician: string;
  reason: Text;
  candidates: Candidate[] | null;
}

export interface Entry {
  id: string;
  ticket: string;
  at: string;
  actor: string;
  kind: string;
  from?: string;
  to?: string;
  rule?: string;
  note?: string;
  dispatch?: Dispatch;
}

export interface DeviceEvent {
  time: number;
  id?: string;
  code: string;
  severity?: Severity;
  attributes?: Record<string, string>;
}

export interface Signal {
  metric: string;
  unit?: string;
  actual: number;
  expected: number;
  low?: number | null;
  high?: number | null;
  share: number;
  rank?: number;
  detector?: string;
}

export interface Finding {
  id: string;
  device: string;
  component: string;
  fault_code: string;
  detector: string;
  rule: string;
  version: number;
  phase: "raised" | "continued" | "cleared";
  severity: Severity;
  onset: number;
  time: number;
  arrival: number;
  backfill?: boolean;
  withheld?: string;
  score: number;
  p_value?: number;
  signals?: Signal[] | null;
  events?: DeviceEvent[] | null;
  reason: { key: string; params?: Record<string, string> };
}

/** A finding as the desk keeps it: with the ticket it belongs to, if any. */
export interface Evidence extends Finding {
  ticket?: string;
  recorded_at: string;
}

export type Point = [number, number];

export interface BandPoint {
  t: number;
  low: number | null;
  high: number | null;
}

export interface Chart {
  metric: string;
  unit: string;
  share: number;
  rank?: number;
  actual: number;
  expected: number;
  points: Point[] | null;
  band?: BandPoint[] | null;
}

export interface Cohort {
  name: string;
  size: number;
  percentile: number;
  metric: string;
}

export interface Diagnosis {
  ticket: string;
  summary: Text;
  reasons: Text[] | null;
  confidence: number;
  onset_at: string;
  opened_at: string;
  from: string;
  to: string;
  signals: Chart[] | null;
  evidence: Finding[] | null;
  events: DeviceEvent[] | null;
  cohort?: Cohort;
  bring?: string[] | null;
  facts: Facts;
  built_at: string;
  hash: string;
}

export interface DeviceView {
  id: string;
  name?: string;
  model?: string;
  model_name?: string;
  kind?: string;
  site?: string;
  site_name?: string;
  time_zone?: string;
  region?: string;
  region_name?: string;
  customer?: string;
  customer_name?: string;
  serial?: string;
  batch?: string;
  firmware?: string;
  criticality?: number;
  purchased?: string;
  warranty?: string;
  attributes?: Record<string, string>;
  registered?: string;
  retired?: boolean;
  /** What the device last said; absent when it never said. */
  online?: boolean;
  last_seen?: string;
  health: Health;
  open_tickets: number;
}

export interface DevicePage {
  devices: DeviceView[];
  next?: string;
  total: number;
}

export interface DeviceMetric {
  name: string;
  unit?: string;
  component?: string;
  last: Point;
  unwatched?: boolean;
}

export interface DeviceState {
  time: number;
  online: boolean;
  attributes?: Record<string, string>;
}

export interface Watching {
  rule: string;
  detector: string;
  metrics: string[];
  component?: string;
  severity: Severity;
  fault_code?: string;
  title?: Text;
  shadow?: boolean;
}

export interface DeviceDetail extends DeviceView {
  metrics: DeviceMetric[];
  state?: DeviceState;
  detectors: Watching[];
}

export interface Series {
  metric: string;
  unit: string;
  step_ms: number;
  points: Point[] | null;
  min?: Point[] | null;
  max?: Point[] | null;
}

export interface FleetCell {
  model: string;
  model_name: string;
  kind: string;
  region: string;
  region_name: string;
  devices: number;
  unhealthy: number;
  silent: number;
  open_tickets: number;
  history: number[] | null;
}

export interface FindingPage {
  findings: Evidence[];
  next?: string;
}

/** A payload that could not be read. */
export interface QuarantineEntry {
  id: string;
  device?: string;
  topic: string;
  arrived_at: string;
  reason: string;
  detail: string;
  text?: string;
  /** Base64, for payloads that are no text. */
  bytes?: string;
  size: number;
  truncated?: boolean;
}

export interface QuarantinePage {
  entries: QuarantineEntry[];
  next?: string;
}

export interface User {
  id: string;
  name: string;
  display: string;
  role: Role;
  language?: string;
  time_zone?: string;
  technician?: string;
  created: string;
  disabled?: boolean;
}

export interface Token {
  id: string;
  name: string;
  role: Role;
  created: string;
  expires?: string;
  last_used?: string;
}

export interface Named {
  id: string;
  name: string;
}

export interface Station extends Named {
  region: string;
  time_zone?: string;
  capacity?: number;
}

export interface Technician extends Named {
  station: string;
  user?: string;
  inactive?: boolean;
}

export interface Lane {
  partition: number;
  detect_lag_s: number;
  store_lag_s: number;
  position: string;
}

export interface About {
  version: string;
  started: string;
  database: string;
  series: string;
  broker: string;
  data_dir: string;
  data_bytes: number;
  data_free: number;
  lanes: Lane[] | null;
  oldest_unprocessed_s: number;
  devices: number;
  tickets_open: number;
}

export interface DemoFault {
  id: string;
  kind: string;
  device: string;
  model: string;
  component: string;
  fault_code: string;
  title: Text;
  injected_at: string;
  expected_call_at: string;
  ticket?: string;
  ticket_number?: string;
  ticketed_at?: string;
  lead_s?: number;
  caught: boolean;
}

export interface DemoBoard {
  faults: DemoFault[];
  injected: number;
  ticketed: number;
  false_tickets: number;
  median_lead_s: number | null;
  kinds: { kind: string; title: Text }[];
}

/** Something that happened at the desk, as the stream tells it. */
export interface DeskEvent {
  id: string;
  type: string;
  at: string;
  ticket: Ticket;
  quiet?: boolean;
}
