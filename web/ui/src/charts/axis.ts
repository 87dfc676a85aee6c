import { DAY, MINUTE } from "../format/time";

/** Labels of the time axis: clock times, with the day under the first and under each midnight. */
export function timeLabels(splits: readonly number[], language: string): string[] {
  const distance = (splits[1] ?? Infinity) - (splits[0] ?? 0);
  const date = new Intl.DateTimeFormat(language, { month: "short", day: "numeric" });
  if (distance >= DAY) return splits.map((t) => date.format(t));
  const time = new Intl.DateTimeFormat(language, {
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    ...(distance < MINUTE ? { second: "2-digit" } : {}),
  });
  let last = "";
  return splits.map((t) => {
    const day = date.format(t);
    const label = day === last ? time.format(t) : `${time.format(t)}\n${day}`;
    last = day;
    return label;
  });
}
