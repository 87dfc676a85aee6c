/**
 * Brings a list that somebody points at up to date without moving a row: rows keep their order and
 * take their new contents in place, rows that left stay and are named as gone, rows that would have
 * come in between wait. Rows after the last one shown, as of a further page, are appended.
 */
export function steady<T extends { id: string }>(held: readonly T[], rows: readonly T[]): { shown: T[]; gone: Set<string>; waiting: T[] } {
  const fresh = new Map(rows.map((r) => [r.id, r]));
  const known = new Set(held.map((r) => r.id));
  const gone = new Set<string>();
  const shown = held.map((r) => {
    const now = fresh.get(r.id);
    if (!now) gone.add(r.id);
    return now ?? r;
  });
  const lastKnown = rows.findLastIndex((r) => known.has(r.id));
  const waiting: T[] = [];
  rows.forEach((r, i) => {
    if (known.has(r.id)) return;
    if (i > lastKnown && lastKnown >= 0) shown.push(r);
    else waiting.push(r);
  });
  return { shown, gone, waiting };
}
