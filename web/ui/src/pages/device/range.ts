import type { Range } from "../../charts/SignalChart";
import { DAY, HOUR, SECOND } from "../../format/time";

/** Spans that end now, by their name in the address. */
export const spans = { "1h": HOUR, "6h": 6 * HOUR, "24h": DAY, "7d": 7 * DAY, "14d": 14 * DAY } as const;
export type Span = keyof typeof spans;

export type Shown = { span: Span; from?: undefined; to?: undefined } | { span?: undefined; from: number; to: number };

const SHORTEST = 10 * SECOND;

/** Reads the time range of the address: from and to, else a span that ends now, else the last day. */
export function readShown(params: URLSearchParams): Shown {
  const from = Number(params.get("from"));
  const to = Number(params.get("to"));
  if (from > 0 && to > from) return { from, to };
  const span = params.get("span");
  return { span: span !== null && span in spans ? (span as Span) : "24h" };
}

/**
 * The range in time. A span follows the clock in steps of a 300th of itself, so that a long one is
 * not read again every few seconds for the width of a hair.
 */
export function rangeOf(shown: Shown, now: number): Range {
  if (shown.span === undefined) return { from: shown.from, to: shown.to };
  const length = spans[shown.span];
  const tick = Math.max(SHORTEST, length / 300);
  const to = Math.ceil(now / tick) * tick;
  return { from: to - length, to };
}

/** The range made longer (factor > 1) or shorter about its middle. */
export function zoomed(range: Range, factor: number): Range {
  const middle = (range.from + range.to) / 2;
  const half = Math.max(((range.to - range.from) * factor) / 2, SHORTEST / 2);
  return { from: Math.round(middle - half), to: Math.round(middle + half) };
}

/** The range moved by a fraction of its length. */
export function panned(range: Range, by: number): Range {
  const d = Math.round((range.to - range.from) * by);
  return { from: range.from + d, to: range.to + d };
}
