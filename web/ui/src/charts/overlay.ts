import type uPlot from "uplot";
import type { BandPoint, DeviceEvent, Severity } from "../api/model";
import { alongBand } from "./data";
import type { Palette } from "./palette";

/** What is drawn around the line of a signal. Times are Unix milliseconds. */
export interface Overlay {
  band: readonly BandPoint[];
  /** Spans of time that were anomalous. */
  spans: readonly { from: number; to: number; severity: Severity }[];
  rules: readonly { at: number; label: string; dashed: boolean }[];
  events: readonly DeviceEvent[];
  /** Between which values most peers are, when that is to be shown. */
  peers?: Peers | undefined;
}

/** The range that holds the middle 80 % of the peers' newest readings. */
export interface Peers {
  low: number;
  high: number;
}

/** Draws band and spans below the line; readings outside the band, rules and event ticks above it. */
export function overlayPlugin(overlay: Overlay, palette: Palette): uPlot.Plugin {
  return {
    hooks: {
      // After the grid, so that its lines do not cut through, and before the series.
      drawAxes: (u) => {
        clipped(u, (ctx) => {
          drawSpans(u, ctx, overlay.spans, palette);
          drawBand(u, ctx, overlay.band, palette);
          if (overlay.peers) drawPeers(u, ctx, overlay.peers, palette);
        });
      },
      draw: (u) => {
        clipped(u, (ctx) => {
          drawOutside(u, ctx, overlay.band, palette);
          drawRules(u, ctx, overlay.rules, palette);
          drawEvents(u, ctx, overlay.events, palette);
        });
      },
    },
  };
}

const ratio = () => window.devicePixelRatio || 1;

function clipped(u: uPlot, draw: (ctx: CanvasRenderingContext2D) => void) {
  const { left, top, width, height } = u.bbox;
  u.ctx.save();
  u.ctx.beginPath();
  u.ctx.rect(left, top, width, height);
  u.ctx.clip();
  draw(u.ctx);
  u.ctx.restore();
}

const x = (u: uPlot, t: number) => u.valToPos(t, "x", true);
const y = (u: uPlot, v: number) => u.valToPos(v, "y", true);

function severityColours(palette: Palette, severity: Severity): [line: string, soft: string] {
  return [palette[severity], palette[`${severity}Soft`]];
}

function drawSpans(u: uPlot, ctx: CanvasRenderingContext2D, spans: Overlay["spans"], palette: Palette) {
  const { top, height } = u.bbox;
  for (const span of spans) {
    const [line, soft] = severityColours(palette, span.severity);
    const from = x(u, span.from);
    const width = Math.max(x(u, span.to) - from, ratio());
    ctx.fillStyle = soft;
    ctx.fillRect(from, top, width, height);
    ctx.fillStyle = line;
    ctx.fillRect(from, top, width, 2 * ratio());
  }
}

/** Fills the expected range; a side that is open reaches the edge of the plot. */
function drawBand(u: uPlot, ctx: CanvasRenderingContext2D, band: readonly BandPoint[], palette: Palette) {
  if (band.length < 2) return;
  const { top, height } = u.bbox;
  const low = (p: BandPoint) => (p.low === null ? top + height + 4 : y(u, p.low));
  const high = (p: BandPoint) => (p.high === null ? top - 4 : y(u, p.high));
  const edge = (side: (p: BandPoint) => number) => {
    ctx.beginPath();
    band.forEach((p, i) => (i === 0 ? ctx.moveTo(x(u, p.t), side(p)) : ctx.lineTo(x(u, p.t), side(p))));
  };
  edge(high);
  for (let i = band.length - 1; i >= 0; i--) ctx.lineTo(x(u, band[i]!.t), low(band[i]!));
  ctx.closePath();
  ctx.fillStyle = palette.band;
  ctx.fill();
  ctx.strokeStyle = palette.bandEdge;
  ctx.lineWidth = ratio();
  edge(high);
  ctx.stroke();
  edge(low);
  ctx.stroke();
}

/** Draws the range of the peers between dotted rules, so that it is told from the expected range without colour too. */
function drawPeers(u: uPlot, ctx: CanvasRenderingContext2D, peers: Peers, palette: Palette) {
  const { left, width } = u.bbox;
  const high = y(u, peers.high);
  const low = y(u, peers.low);
  ctx.fillStyle = palette.infoSoft;
  ctx.fillRect(left, high, width, low - high);
  ctx.strokeStyle = palette.info;
  ctx.lineWidth = ratio();
  ctx.setLineDash([2 * ratio(), 3 * ratio()]);
  ctx.beginPath();
  for (const at of [high, low]) {
    ctx.moveTo(left, at);
    ctx.lineTo(left + width, at);
  }
  ctx.stroke();
  ctx.setLineDash([]);
}

/** Draws again, in the colour of trouble, the parts of the line that left the band. */
function drawOutside(u: uPlot, ctx: CanvasRenderingContext2D, band: readonly BandPoint[], palette: Palette) {
  if (band.length === 0) return;
  const times = u.data[0] as readonly number[];
  const values = u.data[1] as readonly (number | null)[];
  const [from, to] = u.series[0]!.idxs ?? [0, times.length - 1];
  ctx.strokeStyle = palette.critical;
  // Wide enough to cover the line below it.
  ctx.lineWidth = 2.2 * ratio();
  ctx.lineJoin = "round";
  ctx.beginPath();
  // Stroking costs more than linearly in the points of a path: beyond some per pixel, pixels are drawn.
  const visit = to - from > 4 * u.bbox.width ? byPixel(u, ctx, times, values) : byReading(u, ctx, times, values);
  alongBand(times, band, visit.reading, from, to);
  visit.end();
  ctx.stroke();
}

interface Visit {
  reading: (index: number, low: number, high: number) => void;
  end: () => void;
}

const outside = (v: number | null | undefined, low: number, high: number): v is number =>
  v !== null && v !== undefined && (v < low || v > high);

/** Draws each reading outside of the band with the line that leads to it, from where that crosses the edge. */
function byReading(u: uPlot, ctx: CanvasRenderingContext2D, times: readonly number[], values: readonly (number | null)[]): Visit {
  return {
    reading: (i, low, high) => {
      const v = values[i];
      if (!outside(v, low, high)) return;
      const before = i > 0 ? values[i - 1] : null;
      if (before === null || before === undefined) {
        ctx.moveTo(x(u, times[i]!), y(u, v));
        ctx.lineTo(x(u, times[i]!) + 0.01, y(u, v));
        return;
      }
      const bound = v > high ? high : low;
      const f = outside(before, low, high) ? 0 : (bound - before) / (v - before);
      ctx.moveTo(x(u, times[i - 1]! + f * (times[i]! - times[i - 1]!)), y(u, before + f * (v - before)));
      ctx.lineTo(x(u, times[i]!), y(u, v));
    },
    end: () => undefined,
  };
}

/** Draws for each column of pixels the span of its readings outside of the band. */
function byPixel(u: uPlot, ctx: CanvasRenderingContext2D, times: readonly number[], values: readonly (number | null)[]): Visit {
  let column = NaN;
  let least = Infinity;
  let greatest = -Infinity;
  const end = () => {
    if (greatest < least) return;
    ctx.moveTo(column, y(u, least) + 0.5);
    ctx.lineTo(column, y(u, greatest) - 0.5);
    [least, greatest] = [Infinity, -Infinity];
  };
  return {
    reading: (i, low, high) => {
      const v = values[i];
      if (!outside(v, low, high)) return;
      const at = Math.round(x(u, times[i]!));
      if (at !== column) end();
      column = at;
      least = Math.min(least, v);
      greatest = Math.max(greatest, v);
    },
    end,
  };
}

/** Marks discrete events at the foot of the plot; codes are written where there is room. */
function drawEvents(u: uPlot, ctx: CanvasRenderingContext2D, events: readonly DeviceEvent[], palette: Palette) {
  const { top, height } = u.bbox;
  const foot = top + height;
  const r = ratio();
  ctx.font = `${10 * r}px ${getComputedStyle(document.body).fontFamily}`;
  let free = -Infinity;
  for (const event of events) {
    const at = x(u, event.time);
    const colour = severityColours(palette, event.severity ?? "info")[0];
    ctx.fillStyle = colour;
    ctx.fillRect(Math.round(at) - r / 2, foot - 10 * r, 1.5 * r, 10 * r);
    if (at < free) continue;
    const width = ctx.measureText(event.code).width;
    label(ctx, event.code, at + 4 * r, foot - 12 * r, width, colour, palette);
    free = at + width + 10 * r;
  }
}

function drawRules(u: uPlot, ctx: CanvasRenderingContext2D, rules: Overlay["rules"], palette: Palette) {
  const { left, top, width, height } = u.bbox;
  const r = ratio();
  ctx.strokeStyle = palette.ink;
  ctx.lineWidth = 1.2 * r;
  ctx.font = `600 ${10 * r}px ${getComputedStyle(document.body).fontFamily}`;
  const written: { from: number; to: number }[] = [];
  for (const rule of rules) {
    const at = Math.round(x(u, rule.at)) + 0.5;
    ctx.setLineDash(rule.dashed ? [4 * r, 4 * r] : []);
    ctx.beginPath();
    ctx.moveTo(at, top);
    ctx.lineTo(at, top + height);
    ctx.stroke();
    if (!rule.label) continue;
    // The onset is written to the left of its rule and the ticket to the right: they are often close.
    const text = ctx.measureText(rule.label).width;
    const wishLeft = rule.dashed ? at - text - 5 * r > left : at + text + 5 * r > left + width;
    const from = wishLeft ? at - text - 5 * r : at + 5 * r;
    const to = from + text;
    const row = written.filter((w) => w.from < to + 4 * r && w.to > from - 4 * r).length;
    written.push({ from, to });
    label(ctx, rule.label, from, top + (5 + row * 15) * r, text, palette.ink, palette);
  }
  ctx.setLineDash([]);
}

/** Writes on a backing of the surface's colour, so that lines below do not strike the words through. */
function label(ctx: CanvasRenderingContext2D, text: string, left: number, top: number, width: number, colour: string, palette: Palette) {
  const r = ratio();
  ctx.fillStyle = palette.surface;
  ctx.globalAlpha = 0.8;
  ctx.fillRect(left - 2 * r, top - r, width + 4 * r, 13 * r);
  ctx.globalAlpha = 1;
  ctx.fillStyle = colour;
  ctx.textBaseline = "top";
  ctx.textAlign = "left";
  ctx.fillText(text, left, top);
}
