import { TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { DetectorReport } from "../../api/model";
import { Table } from "../../components/Page";
import css from "./detectors.module.css";
import { Stage } from "./Stage";

/** How many rules are drawn at once. */
const MOST = 100;

/** The rules of the catalogue that have no record yet, by model, with their stages. */
export function Rules({ report }: { report: DetectorReport }) {
  const { t } = useTranslation();
  const [search, setSearch] = useState("");
  const key = (r: { rule: string; model: string }) => `${r.rule}\n${r.model}`;
  const recorded = new Set((report.detectors ?? []).map(key));
  const rest = (report.rules ?? []).filter((r) => !recorded.has(key(r)));
  if (rest.length === 0) return null;
  const found = rest.filter((r) => `${r.rule} ${r.model}`.toLowerCase().includes(search.trim().toLowerCase()));
  return (
    <details className={css["changes"]} data-testid="other-rules">
      <summary>{t("detectors.rules", { count: rest.length })}</summary>
      <TextInput size="xs" maw={280} my={8} value={search} onChange={(e) => setSearch(e.currentTarget.value)} placeholder={t("detectors.rulesSearch")} aria-label={t("detectors.rulesSearch")} />
      <Table
        label={t("detectors.rules", { count: rest.length })}
        head={
          <>
            <th>{t("detectors.rule")}</th>
            <th>{t("detectors.stage")}</th>
          </>
        }
      >
        {found.slice(0, MOST).map((r) => (
          <tr key={key(r)}>
            <td className="wide">
              <span className="mono">{r.rule}</span>
              <div className={css["meta"]}>{r.model || t("detectors.noModel")}</div>
            </td>
            <td data-label={t("detectors.stage")}>
              <Stage rule={r.rule} model={r.model} setting={undefined} catalogued={r} />
            </td>
          </tr>
        ))}
      </Table>
      {found.length > MOST && <p className={css["meta"]}>{t("detectors.rulesMore", { count: MOST })}</p>}
    </details>
  );
}
