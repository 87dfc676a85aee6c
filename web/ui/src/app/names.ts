import { useQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import { modelsQuery, regionsQuery, stationsQuery, techniciansQuery } from "../api/queries";
import { humanise } from "../format/names";

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
