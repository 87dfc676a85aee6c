import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import type { Finding } from "../api/model";
import { duration } from "../format/time";
import { useMetricName } from "./names";

/** Words the reason of a finding in the language of the page; reasons without words show their key and blanks. */
export function useReason(): (finding: Pick<Finding, "reason">) => string {
  const { t, i18n } = useTranslation();
  const metricName = useMetricName();
  return useCallback(
    ({ reason }) => {
      const blanks: Record<string, string> = { ...reason.params };
      if (blanks["metric"]) blanks["metric"] = metricName(blanks["metric"]);
      for (const key of ["seconds", "usual", "per"]) {
        const s = Number(blanks[key]);
        if (blanks[key] !== undefined && Number.isFinite(s)) blanks[key] = duration(s * 1000, i18n.language);
      }
      const params = Object.entries(reason.params ?? {}).map(([k, v]) => `${k} ${v}`);
      return t(`reason.${reason.key}`, { ...blanks, defaultValue: [reason.key, ...params].join(" · ") });
    },
    [t, i18n.language, metricName],
  );
}
