import { useEffect, useMemo, useRef, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { BandPoint, DeviceEvent, Point } from "../api/model";
import { measured, withUnit } from "../format/number";
import { exact } from "../format/time";
import { timeLabels } from "./axis";
import css from "./chart.module.css";
import { alone, alongBand, columns, valueRange } from "./data";
import { overlayPlugin, type Overlay, type Peers } from "./overlay";
import { usePalette } from "./palette";

export interface Range {
  from: number;
  to: number;
}

interface Props {
  name: string;
  unit: string;
  points: readonly Point[];
  /** Width of the windows that points are means of, in milliseconds; 0 for raw readings. */
  step?: number;
  /** Least and greatest reading of each window. */
  min?: readonly Point[] | undefined;
  max?: readonly Point[] | undefined;
  band?: readonly BandPoint[];
  spans?: Overlay["spans"];
  rules?: Overlay["rules"];
  events?: readonly DeviceEvent[];
  /** The range of the peers, when it is to be shown. It must not be made anew with every drawing. */
  peers?: Peers | undefined;
  /** What the chart shows, for those who cannot see it. */
  description?: string | undefined;
  /** The time axis. Charts above each other share it. */
  range: Range;
  height?: number;
  /** Draw the labels of the time axis below `height`; the lowest chart of a stack does. */
  timeAxis?: boolean;
  /** Charts with the same group move their cursors together. */
  group?: string;
  note?: ReactNode;
  /** Called with the range that was dragged, wheeled or panned to; null to go back. */
  onRange?: ((range: Range | null) => void) | undefined;
}

const none: never[] = [];

/** Height of the time axis in pixels. */
const AXIS = 34;

/**
 * A signal over time with what was expected of it. Draws 100,000 points in well under a frame's
 * patience, keeps gaps open, and tells the value under the cursor in its head line.
 */
export function SignalChart(props: Props) {
  const { name, unit, points, step = 0, min, max, range, height: plotHeight = 180, timeAxis = true, group, note, onRange, peers, description } = props;
  const { band = none, spans = none, rules = none, events = none } = props;
  const height = plotHeight + (timeAxis ? AXIS : 0);
  const { t, i18n } = useTranslation();
  const language = i18n.language;
  const palette = usePalette();
  const plot = useRef<HTMLDivElement>(null);
  const readout = useRef<HTMLOutputElement>(null);
  const zoom = useRef(onRange);
  useEffect(() => {
    zoom.current = onRange;
  }, [onRange]);

  const data = useMemo(() => columns(points, step, min, max), [points, step, min, max]);
  const lone = useMemo(() => alone(data[1] ?? []), [data]);
  const enveloped = data.length === 4;
  const expectedWord = t("chart.expected");
  const peersWord = t("chart.peersValue");

  useEffect(() => {
    const box = plot.current;
    if (!box) return;

    const tell = (u: uPlot) => {
      const out = readout.current;
      if (!out) return;
      const i = u.cursor.idx;
      const at = i === null || i === undefined ? undefined : data[0][i];
      const value = i === null || i === undefined ? undefined : data[1]?.[i];
      if (at === undefined || value === undefined || value === null) {
        out.textContent = "";
        return;
      }
      const parts = [exact(at, language), withUnit(value, unit, language)];
      if (enveloped) parts.push(`${measured(data[2]![i!] ?? NaN, language)} … ${measured(data[3]![i!] ?? NaN, language)}`);
      alongBand([at], band, (_, low, high) => {
        const side = (v: number) => (Number.isFinite(v) ? measured(v, language) : "∞");
        parts.push(`${expectedWord} ${low === -Infinity ? "−∞" : side(low)} – ${side(high)}`);
      });
      if (peers) parts.push(`${peersWord} ${measured(peers.low, language)} – ${measured(peers.high, language)}`);
      const left = u.cursor.left ?? -1;
      const near = events.filter((e) => Math.abs(u.valToPos(e.time, "x") - left) < 5).map((e) => e.code);
      if (near.length > 0) parts.push([...new Set(near)].slice(0, 3).join(", "));
      out.textContent = parts.join("   ");
    };

    const font = `11px ${getComputedStyle(document.body).fontFamily}`;
    const axis: uPlot.Axis = { stroke: palette.dim, font, ticks: { show: false }, grid: { stroke: palette.grid, width: 1 } };
    const hidden: uPlot.Series = { label: "", points: { show: false } };
    const options: uPlot.Options = {
      width: box.clientWidth || 600,
      height,
      ms: 1,
      padding: [6, 10, timeAxis ? 0 : 6, 0],
      legend: { show: false },
      scales: {
        x: { time: true, min: range.from, max: range.to },
        y: { range: (_u, lo, hi) => valueRange(lo ?? NaN, hi ?? NaN, peers ? [...band, { t: range.from, ...peers }] : band) },
      },
      axes: [
        {
          ...axis,
          size: timeAxis ? AXIS : 1,
          space: 76,
          values: (_u, splits) => (timeAxis ? timeLabels(splits, language) : splits.map(() => "")),
        },
        { ...axis, size: 58, space: height < 160 ? 24 : 34, gap: 6, values: (_u, splits) => splits.map((v) => measured(v, language)) },
      ],
      series: [
        {},
        {
          label: name,
          stroke: palette.line,
          width: 1.4,
          points: { show: lone.length > 0, size: 4, fill: palette.line, width: 0, filter: () => lone },
        },
        ...(enveloped ? [hidden, hidden] : []),
      ],
      ...(enveloped ? { bands: [{ series: [3, 2] as [number, number], fill: palette.accentSoft }] } : {}),
      cursor: {
        y: false,
        points: { size: 7, fill: palette.line, stroke: palette.surface, width: 1.5, one: true },
        drag: { x: Boolean(zoom.current), y: false, setScale: false },
        ...(group ? { sync: { key: group, setSeries: false } } : {}),
        bind: { dblclick: () => () => (zoom.current?.(null), null) },
      },
      hooks: {
        setCursor: [tell],
        setSelect: [
          (u) => {
            if (u.select.width < 4) return;
            const from = u.posToVal(u.select.left, "x");
            const to = u.posToVal(u.select.left + u.select.width, "x");
            u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            zoom.current?.({ from: Math.round(from), to: Math.round(to) });
          },
        ],
      },
      plugins: [overlayPlugin({ band, spans, rules, events, peers }, palette)],
    };
    const u = new uPlot(options, data, box);
    u.setScale("x", { min: range.from, max: range.to });

    const observer = new ResizeObserver(() => {
      if (box.clientWidth > 0 && box.clientWidth !== u.width) u.setSize({ width: box.clientWidth, height });
    });
    observer.observe(box);
    const unwheel = zoomByWheel(u, (r) => zoom.current?.(r));
    return () => {
      unwheel();
      observer.disconnect();
      u.destroy();
    };
  }, [data, lone, enveloped, name, unit, range.from, range.to, height, timeAxis, group, band, spans, rules, events, palette, language, expectedWord, peers, peersWord]);

  const last = points[points.length - 1];
  return (
    <figure className={css["chart"]} style={{ margin: 0 }}>
      <figcaption className={css["head"]}>
        <span className={css["name"]}>{name}</span>
        {unit && <span className={css["unit"]}>{unit}</span>}
        {note && <span className={css["note"]}>{note}</span>}
        <output ref={readout} className={css["readout"]} aria-hidden="true" />
      </figcaption>
      <div
        ref={plot}
        className={css["plot"]}
        style={{ height }}
        role="img"
        data-testid="signal-chart"
        aria-label={last ? [t("chart.label", { name, value: withUnit(last[1], unit, language), count: points.length }), description].filter(Boolean).join(". ") : t("chart.none")}
      >
        {points.length === 0 && <div className={css["none"]}>{t("chart.none")}</div>}
      </div>
    </figure>
  );
}

/** Ctrl or ⌘ with the wheel, which is also what pinching sends, zooms about the pointer; Shift pans. */
function zoomByWheel(u: uPlot, done: (range: Range) => void): () => void {
  let settle: ReturnType<typeof setTimeout> | undefined;
  let frame: number | undefined;
  let wish: Range = { from: 0, to: 0 };
  const onWheel = (e: WheelEvent) => {
    if (!e.ctrlKey && !e.metaKey && !e.shiftKey) return;
    e.preventDefault();
    const scale = u.scales["x"]!;
    if (scale.min === undefined || scale.max === undefined) return;
    const [min, max] = frame === undefined ? [scale.min, scale.max] : [wish.from, wish.to];
    let from: number;
    let to: number;
    if (e.shiftKey) {
      const by = ((e.deltaY || e.deltaX) / 600) * (max - min);
      [from, to] = [min + by, max + by];
    } else {
      const factor = Math.exp(Math.max(-0.5, Math.min(0.5, e.deltaY / 300)));
      const at = u.posToVal(e.clientX - u.over.getBoundingClientRect().left, "x");
      [from, to] = [at - (at - min) * factor, at + (max - at) * factor];
    }
    if (to - from < 1_000) return;
    wish = { from, to };
    // Wheels turn faster than charts are drawn: only the last wish of a frame is.
    frame ??= requestAnimationFrame(() => {
      frame = undefined;
      u.setScale("x", { min: wish.from, max: wish.to });
    });
    clearTimeout(settle);
    settle = setTimeout(() => done({ from: Math.round(from), to: Math.round(to) }), 180);
  };
  u.over.addEventListener("wheel", onWheel, { passive: false });
  return () => {
    clearTimeout(settle);
    if (frame !== undefined) cancelAnimationFrame(frame);
    u.over.removeEventListener("wheel", onWheel);
  };
}
