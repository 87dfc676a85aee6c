import { useEffect, useEffectEvent } from "react";

export type Shortcuts = Record<string, (event: KeyboardEvent) => void>;

/** Two keys in a row, such as "g q", must follow each other within this many milliseconds. */
const CHORD = 1_200;

/** True where typing belongs to the element itself. */
function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/**
 * Calls the function of a key while the component is mounted: "j", "?", "Escape", or two in a row
 * as "g q". Keys typed into fields stay theirs, except Escape, which also leaves the field.
 */
export function useShortcuts(shortcuts: Shortcuts): void {
  const handle = useEffectEvent((event: KeyboardEvent, before: string) => {
    const run = shortcuts[`${before} ${event.key}`] ?? shortcuts[event.key];
    if (!run) return;
    event.preventDefault();
    run(event);
  });
  useEffect(() => {
    let before = "";
    let at = 0;
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (typing(event.target)) {
        if (event.key === "Escape") (event.target as HTMLElement).blur();
        return;
      }
      // Enter on a link or button is its own.
      if (event.key === "Enter" && event.target instanceof HTMLElement && event.target.closest("a,button,[role=menuitem]")) return;
      if (document.querySelector("[role=dialog][data-modal-content], .mantine-Modal-content") && event.key !== "Escape") return;
      handle(event, event.timeStamp - at < CHORD ? before : "");
      before = event.key;
      at = event.timeStamp;
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}
