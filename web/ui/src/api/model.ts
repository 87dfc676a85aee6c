// The shapes of the API under the names the pages use. They are generated from openapi.json by
// `npm run api`; what stands here only names them, and tells pairs of numbers from longer lists.
import type { components } from "./schema";

type S = components["schemas"];

/** A ticket of a list, with why it exists in a few words. */
export type TicketRow = S["TicketRow"];
export type Ticket = Omit<TicketRow, "reason">;
export type TicketDetail = S["TicketDetail"];
export type TicketPage = S["TicketPage"];
export type Action = S["Action"];
export type Entry = S["Entry"];
export type Dispatch = S["Dispatch"];
export type Candidate = S["Candidate"];
export type Facts = S["Facts"];
export type Severity = Ticket["severity"];
export type Category = Ticket["category"];

/** A sentence by language: "en", "de", "zh". */
export type Text = Record<string, string>;

/** How many tickets match by each value of each facet. */
export type Counts = S["TicketCounts"]["counts"];

/** A time in Unix milliseconds and a value. */
export type Point = [number, number];
export type BandPoint = S["BandPoint"];
export type Chart = Omit<S["Chart"], "points"> & { points: Point[] };
export type Diagnosis = Omit<S["Diagnosis"], "signals"> & { signals: Chart[] };
export type Told = S["Told"];
export type Finding = Omit<Told, "words">;
/** A finding as the desk keeps it: with the ticket it belongs to, if any, and its reason in words. */
export type Evidence = S["FindingView"];
export type FindingPage = S["FindingPage"];
export type Signal = S["Signal"];
export type DeviceEvent = S["Event"];

export type DeviceView = S["DeviceView"];
export type DevicePage = S["DevicePage"];
export type DeviceMetric = Omit<S["DeviceMetric"], "last"> & { last: Point };
export type DeviceDetail = Omit<S["DeviceDetail"], "metrics"> & { metrics: DeviceMetric[] };
export type Health = DeviceView["health"];
export type Series = Omit<S["Readings"], "points" | "min" | "max"> & { points: Point[]; min: Point[]; max: Point[] };
export type FleetCell = S["Cell"];
export type Named = Pick<S["Region"], "id" | "name">;
export type Workflows = S["WorkflowList"];
export type Station = S["Station"];
export type Technician = S["Technician"];

export type Me = S["Me"];
export type Role = Me["role"];
export type User = S["User"];
export type Token = S["Token"];
export type NewToken = S["NewTokenAnswer"];

export type NoticeList = S["Notices"];
export type DetectorRecord = S["DetectorRecord"];
export type DetectorFigures = S["Figures"];
export type DetectorReport = S["DetectorReport"];
export type DetectorTickets = S["DetectorTickets"];
export type RuleStage = S["RuleStage"];
export type StageSetting = S["Setting"];
export type MaintenanceWindow = S["MaintenanceWindow"];
export type MaintenancePage = S["MaintenancePage"];
export type MaintenancePlan = S["MaintenancePlan"];
export type QuarantineEntry = S["QuarantineEntry"];
export type QuarantinePage = S["QuarantinePage"];
export type About = S["About"];
export type DemoBoard = S["Score"];
export type DemoFault = S["DemoFault"];

/** Something that Presage did by itself and that is about no ticket, as the stream tells it. */
export type NoticeEvent = S["Notice"] & { id: string };

/** Something that happened at the desk, as the stream tells it. */
export interface DeskEvent {
  id: string;
  type: "ticket.opened" | "ticket.updated" | "ticket.assigned" | "ticket.transitioned" | "ticket.closed" | "ticket.reopened";
  at: string;
  ticket: Ticket;
  /** Events about old readings page nobody. */
  quiet?: boolean;
}
