import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import type { Finding, Text } from "../api/model";
import { pick } from "../format/names";
import { duration } from "../format/time";
import { useMetricName } from "./names";

/**
 * The reason of a finding in the language of the page: the server's words where they came along, else
 * words of the page; reasons that have neither show their key and blanks.
 */
export function useReason(): (finding: Pick<Finding, "reason"> & { words?: Text }) => string {
  const { t, i18n } = useTranslation();
  const metricName = useMetricName();
  return useCallback(
    ({ reason, words }) => {
      const said = pick(words, i18n.language);
      if (said) return said;
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
