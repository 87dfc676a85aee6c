import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import type { Finding, Text } from "../api/model";
import { pick } from "../format/names";

/**
 * The reason of a finding in the language of the page, in the server's words: they are the only ones. A finding of a diagnosis that
 * was sealed before words came along shows its key and blanks.
 */
export function useReason(): (finding: Pick<Finding, "reason"> & { words?: Text }) => string {
  const { i18n } = useTranslation();
  return useCallback(
    ({ reason, words }) => pick(words, i18n.language) || [reason.key, ...Object.entries(reason.params ?? {}).map(([k, v]) => `${k} ${v}`)].join(" · "),
    [i18n.language],
  );
}
