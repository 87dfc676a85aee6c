import { useQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import { modelsQuery, regionsQuery, stationsQuery, techniciansQuery, workflowsQuery } from "../api/queries";
import { humanise, pick } from "../format/names";

export type Kind = "region" | "station" | "assignee" | "model";

/** Turns identifiers into the names people know. Until the names are there, and for unknown ones, the identifier is shown. */
export function useNames(): (kind: Kind, id: string | undefined) => string {
  const sources = {
    region: useQuery(regionsQuery).data,
    station: useQuery(stationsQuery).data,
    assignee: useQuery(techniciansQuery).data,
    model: useQuery(modelsQuery).data,
  };
  return (kind, id) => (id ? sources[kind]?.find((n) => n.id === id)?.name || id : "");
}

/** The name of a component of a device in the language of the page; unknown ones are made readable. */
export function useComponentName(): (component: string) => string {
  const { t } = useTranslation();
  return useCallback((component: string) => t(`component.${component}`, { defaultValue: humanise(component) }), [t]);
}

/** The name of a metric in the language of the page; unknown ones are made readable. */
export function useMetricName(): (metric: string) => string {
  const { t } = useTranslation();
  return useCallback((metric: string) => t(`metric.${metric}`, { defaultValue: humanise(metric) }), [t]);
}

/** What a detector goes by, in the language of the page; unknown ones are shown as they are called. */
export function useDetectorName(): (detector: string) => string {
  const { t } = useTranslation();
  return useCallback((detector: string) => t(`method.${detector}`, { defaultValue: detector }), [t]);
}

/** The name of a stage of a ticket as its workflow calls it; until that is known, the page's own word. */
export function useStateName(): (state: string) => string {
  const { t, i18n } = useTranslation();
  const flows = useQuery(workflowsQuery).data?.workflows;
  return useCallback(
    (state: string) => {
      // Newer versions of a workflow come last, and have the last word.
      const stage = flows?.flatMap((flow) => flow.stages).findLast((s) => s.id === state);
      return pick(stage?.label, i18n.language) || t(`state.${state}`, { defaultValue: humanise(state) });
    },
    [flows, t, i18n.language],
  );
}
