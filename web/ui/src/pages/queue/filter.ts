import type { Query } from "../../api/client";

/** What tickets can be narrowed down by, in the order of the filter bar. */
export const facets = ["severity", "region", "station", "component", "state", "assignee"] as const;
export type Facet = (typeof facets)[number];

export const shows = ["open", "closed", "all"] as const;
export type Show = (typeof shows)[number];

export const sorts = ["deadline", "opened", "updated"] as const;
export type Sort = (typeof sorts)[number];

export interface Filter {
  show: Show;
  sort: Sort;
  text: string;
  device: string;
  values: Record<Facet, string[]>;
}

const oneOf = <T extends string>(all: readonly T[], value: string | null): T =>
  all.includes(value as T) ? (value as T) : all[0]!;

/** Reads the filter from the address. What it does not understand falls back to the open queue by deadline. */
export function readFilter(params: URLSearchParams): Filter {
  return {
    show: oneOf(shows, params.get("show")),
    sort: oneOf(sorts, params.get("sort")),
    text: params.get("q") ?? "",
    device: params.get("device") ?? "",
    values: Object.fromEntries(facets.map((f) => [f, params.getAll(f)])) as Record<Facet, string[]>,
  };
}

/** The filter as the API wants it. A facet to leave out serves the counts beside its own values. */
export function queryOf(filter: Filter, without?: Facet): Query {
  const query: Query = { device: filter.device, q: filter.text };
  if (filter.show !== "all") query["open"] = filter.show === "open";
  for (const f of facets) if (f !== without && filter.values[f].length > 0) query[f] = filter.values[f];
  return query;
}

/** How many facets, words and devices narrow the list down. */
export function narrowings(filter: Filter): number {
  return facets.filter((f) => filter.values[f].length > 0).length + (filter.text ? 1 : 0) + (filter.device ? 1 : 0);
}
