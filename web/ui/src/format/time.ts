/** Milliseconds. */
export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export type Instant = string | number | undefined | null;

/** Reads an instant of the API: RFC 3339 or Unix milliseconds. Absent and zero times give null. */
export function millis(at: Instant): number | null {
  if (at === undefined || at === null || at === "") return null;
  const ms = typeof at === "number" ? at : Date.parse(at);
  // Go's zero time is the year 1.
  return Number.isNaN(ms) || ms <= Date.UTC(1, 0, 2) ? null : ms;
}

const STEPS: readonly [limit: number, unit: Intl.RelativeTimeFormatUnit, size: number][] = [
  [90 * SECOND, "second", SECOND],
  [90 * MINUTE, "minute", MINUTE],
  [36 * HOUR, "hour", HOUR],
  [45 * DAY, "day", DAY],
  [548 * DAY, "month", 30.44 * DAY],
  [Infinity, "year", 365.25 * DAY],
];

function step(ms: number) {
  const abs = Math.abs(ms);
  return STEPS.find(([limit]) => abs < limit) ?? STEPS[STEPS.length - 1]!;
}

/** "3 h ago", "in 20 min", in the language. Less than 10 s either way is "now". */
export function relative(at: number, now: number, language: string): string {
  const ms = at - now;
  const format = new Intl.RelativeTimeFormat(language, { style: "narrow", numeric: "auto" });
  if (Math.abs(ms) < 10 * SECOND) return format.format(0, "second");
  const [, unit, size] = step(ms);
  return new Intl.RelativeTimeFormat(language, { style: "narrow", numeric: "always" }).format(Math.round(ms / size), unit);
}

/** A length of time in its largest fitting unit: "3 h", "25 min", "2 days". */
export function duration(ms: number, language: string): string {
  const [, unit, size] = step(ms);
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: unit === "minute" ? "short" : "narrow", maximumFractionDigits: 0 }).format(
    Math.abs(Math.round(ms / size)),
  );
}

/** A length of time to two units, for figures people compare: "2h 5m", "48s". A second unit of zero is left out; less than ten seconds show tenths. */
export function precise(ms: number, language: string): string {
  const unit = (n: number, name: string) =>
    new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay: "narrow", maximumFractionDigits: 1 }).format(n);
  if (Math.abs(ms) < 9_950) return unit(ms / SECOND, "second");
  const abs = Math.round(Math.abs(ms) / SECOND) * SECOND;
  const pair: readonly [size: number, name: string, restSize: number, restName: string] =
    abs < HOUR
      ? [MINUTE, "minute", SECOND, "second"]
      : abs < DAY
        ? [HOUR, "hour", MINUTE, "minute"]
        : [DAY, "day", HOUR, "hour"];
  const [size, name, restSize, restName] = pair;
  const whole = Math.floor(abs / size);
  const rest = Math.floor((abs % size) / restSize);
  const parts = [...(whole > 0 ? [unit(whole, name)] : []), ...(rest > 0 || whole === 0 ? [unit(rest, restName)] : [])];
  return (ms < 0 ? "−" : "") + parts.join(" ");
}

/** Date and time to the second with the zone's short name. An unknown zone is shown as UTC. */
export function exact(at: number, language: string, zone?: string): string {
  const options: Intl.DateTimeFormatOptions = {
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "short",
    hourCycle: "h23",
  };
  try {
    return new Intl.DateTimeFormat(language, zone ? { ...options, timeZone: zone } : options).format(at);
  } catch {
    return new Intl.DateTimeFormat(language, { ...options, timeZone: "UTC" }).format(at);
  }
}

/** Hour and minute, with the day when it is not today's. */
export function clock(at: number, now: number, language: string): string {
  const sameDay = new Date(at).toDateString() === new Date(now).toDateString();
  return new Intl.DateTimeFormat(language, {
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    ...(sameDay ? {} : { month: "short", day: "numeric" }),
  }).format(at);
}

/** A calendar day. */
export function day(at: number, language: string): string {
  return new Intl.DateTimeFormat(language, { year: "numeric", month: "short", day: "numeric" }).format(at);
}

/** The zone of this browser. */
export const viewerZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** How far a zone is ahead of UTC at an instant, in milliseconds. */
function offset(at: number, zone: string): number {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
    hourCycle: "h23",
  }).formatToParts(at);
  const of = (type: string) => Number(parts.find((p) => p.type === type)?.value);
  const wall = Date.UTC(of("year"), of("month") - 1, of("day"), of("hour"), of("minute"), of("second"));
  return wall - Math.floor(at / SECOND) * SECOND;
}

/** What a clock in the zone shows at an instant, as a field for date and time has it: "2026-03-29T03:30". */
export const wallTime = (at: number, zone: string): string => new Date(at + offset(at, zone)).toISOString().slice(0, 16);

/**
 * The instant at which a clock in the zone shows a wall time; null when it cannot be read. Of the two when clocks are set back it is the
 * first; a time that is skipped when they are set forward is moved on by the skip.
 */
export function instantAt(wall: string, zone: string): number | null {
  const utc = Date.parse(`${wall}Z`);
  if (Number.isNaN(utc)) return null;
  const earlier = utc - offset(utc - DAY, zone);
  const later = utc - offset(utc + DAY, zone);
  return wallTime(earlier, zone) === wall || wallTime(later, zone) !== wall ? earlier : later;
}
