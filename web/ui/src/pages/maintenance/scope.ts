import type { MaintenanceWindow } from "../../api/model";

/** What a window names, widest first. */
export const scopes = ["region", "site", "model", "device", "component"] as const;
export type Scope = (typeof scopes)[number];

/** The names that narrow a window; none for one about everything. */
export const scopeOf = (w: Partial<Pick<MaintenanceWindow, Scope>>) =>
  scopes.flatMap((kind) => {
    const id = w[kind];
    return id ? [{ kind, id }] : [];
  });
