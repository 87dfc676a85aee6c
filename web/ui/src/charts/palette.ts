import { useSyncExternalStore } from "react";

const names = {
  ink: "--ink",
  dim: "--ink-3",
  surface: "--surface",
  grid: "--chart-grid",
  line: "--chart-line",
  band: "--chart-band",
  bandEdge: "--chart-band-edge",
  accent: "--accent",
  accentSoft: "--accent-soft",
  critical: "--critical",
  criticalSoft: "--critical-soft",
  major: "--major",
  majorSoft: "--major-soft",
  warning: "--warning",
  warningSoft: "--warning-soft",
  info: "--info",
  infoSoft: "--info-soft",
} as const;

export type Palette = Record<keyof typeof names, string>;

const palettes = new Map<string, Palette>();

/** Reads the colours that the style sheet has under the colour scheme that is on now. */
function paletteOf(scheme: string): Palette {
  let palette = palettes.get(scheme);
  if (!palette) {
    const style = getComputedStyle(document.documentElement);
    palette = Object.fromEntries(Object.entries(names).map(([k, v]) => [k, style.getPropertyValue(v).trim()])) as Palette;
    palettes.set(scheme, palette);
  }
  return palette;
}

const ATTRIBUTE = "data-mantine-color-scheme";

function watch(changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: [ATTRIBUTE] });
  return () => observer.disconnect();
}

/** The colours of the page for a canvas, which knows no variables; changes with the colour scheme. */
export const usePalette = (): Palette =>
  paletteOf(useSyncExternalStore(watch, () => document.documentElement.getAttribute(ATTRIBUTE) ?? "light"));
