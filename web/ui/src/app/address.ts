import { useCallback } from "react";
import { useSearchParams } from "react-router";

export type Change = Record<string, string | readonly string[] | null>;

/** Applies a change to the search part of an address: null and empty values remove their key. */
export function withChange(params: URLSearchParams, change: Change): URLSearchParams {
  const next = new URLSearchParams(params);
  for (const [key, value] of Object.entries(change)) {
    next.delete(key);
    if (value === null || value === "") continue;
    for (const v of typeof value === "string" ? [value] : value) next.append(key, v);
  }
  return next;
}

/**
 * The search part of the address as the state of a page, so that every list can be linked to. Changes
 * replace the entry of the browser's history unless they are told to push a new one.
 */
export function useAddress(): [URLSearchParams, (change: Change, how?: "replace" | "push") => void] {
  const [params, setParams] = useSearchParams();
  const change = useCallback(
    (c: Change, how: "replace" | "push" = "replace") => setParams((p) => withChange(p, c), { replace: how === "replace" }),
    [setParams],
  );
  return [params, change];
}
