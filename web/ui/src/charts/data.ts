import type { BandPoint, Point } from "../api/model";

/** Times in Unix milliseconds and one column of values per series; null draws nothing. */
export type Columns = [times: number[], ...values: (number | null)[][]];

/**
 * The distance between two readings, in milliseconds, above which the line breaks. Windows (step
 * known) break as soon as one is missing. Raw readings break at four times their usual distance,
 * which is their median: devices that report on change are not torn apart by a single pause.
 */
export function gapLimit(points: readonly Point[], step = 0): number {
  if (step > 0) return step * 1.5;
  if (points.length < 3) return Infinity;
  // A few hundred distances tell the median well enough; sorting 100k would not.
  const stride = Math.max(1, Math.floor(points.length / 400));
  const distances: number[] = [];
  for (let i = 1; i < points.length; i += stride) distances.push(points[i]![0] - points[i - 1]![0]);
  distances.sort((a, b) => a - b);
  return Math.max(distances[distances.length >> 1]! * 4, 1);
}

/** Lays points out for the chart, with an empty row in every gap, so that gaps stay gaps. */
export function columns(points: readonly Point[], step = 0, min?: readonly Point[], max?: readonly Point[]): Columns {
  const limit = gapLimit(points, step);
  const envelope = min?.length === points.length && max?.length === points.length;
  const times: number[] = [];
  const values: (number | null)[] = [];
  const lows: (number | null)[] = [];
  const highs: (number | null)[] = [];
  let before = NaN;
  for (let i = 0; i < points.length; i++) {
    const [t, v] = points[i]!;
    if (t - before > limit) {
      times.push((t + before) / 2);
      values.push(null);
      if (envelope) {
        lows.push(null);
        highs.push(null);
      }
    }
    times.push(t);
    values.push(v);
    if (envelope) {
      lows.push(min[i]![1]);
      highs.push(max[i]![1]);
    }
    before = t;
  }
  return envelope ? [times, values, lows, highs] : [times, values];
}

/** The rows that stand alone between gaps: no line reaches them, so they are drawn as dots. */
export function alone(values: readonly (number | null)[]): number[] {
  const out: number[] = [];
  const empty = (i: number) => values[i] === null || values[i] === undefined;
  for (let i = 0; i < values.length; i++) if (!empty(i) && empty(i - 1) && empty(i + 1)) out.push(i);
  return out;
}

/**
 * Calls visit with the expected range at each time, walking both lists once. Times before the band
 * have none. first and last narrow the walk down to what is in sight.
 */
export function alongBand(
  times: readonly number[],
  band: readonly BandPoint[],
  visit: (index: number, low: number, high: number) => void,
  first = 0,
  last = times.length - 1,
): void {
  let b = 0;
  for (let i = first; i <= last; i++) {
    const t = times[i]!;
    while (b + 1 < band.length && band[b + 1]!.t <= t) b++;
    const here = band[b];
    if (!here || here.t > t) continue;
    const next = band[b + 1];
    const f = next ? (t - here.t) / (next.t - here.t) : 0;
    visit(i, between(here.low, next?.low, f) ?? -Infinity, between(here.high, next?.high, f) ?? Infinity);
  }
}

function between(a: number | null, b: number | null | undefined, f: number): number | null {
  if (a === null || b === null || b === undefined) return a;
  return a + (b - a) * f;
}

/**
 * The range of the value axis: all of the data, and the band as far as it does not squeeze the data
 * below 40 % of the height.
 */
export function valueRange(dataMin: number, dataMax: number, band: readonly BandPoint[]): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const p of band) {
    if (p.low !== null && p.low < low) low = p.low;
    if (p.high !== null && p.high > high) high = p.high;
  }
  if (!Number.isFinite(dataMin) || !Number.isFinite(dataMax)) [dataMin, dataMax] = [Math.min(low, high), Math.max(low, high)];
  if (!Number.isFinite(dataMin) || !Number.isFinite(dataMax)) return [0, 1];
  const span = dataMax - dataMin || Math.abs(dataMax) * 0.1 || 1;
  const from = Math.min(dataMin, Math.max(low, dataMin - span * 1.5));
  const to = Math.max(dataMax, Math.min(high, from + span * 2.5));
  const pad = (to - from || span) * 0.08;
  return [from - pad, to + pad];
}
