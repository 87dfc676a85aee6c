import { useSyncExternalStore } from "react";

const TICK = 10_000;
let now = Date.now();
const watchers = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function watch(changed: () => void): () => void {
  if (watchers.size === 0) {
    now = Date.now();
    timer = setInterval(() => {
      now = Date.now();
      for (const w of watchers) w();
    }, TICK);
  }
  watchers.add(changed);
  return () => {
    watchers.delete(changed);
    if (watchers.size === 0) clearInterval(timer);
  };
}

/** The time, to ten seconds. All relative times of a page share one timer, so that they turn together. */
export const useNow = (): number => useSyncExternalStore(watch, () => now);
