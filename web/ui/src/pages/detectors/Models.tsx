import { useTranslation } from "react-i18next";
import type { DetectorFigures } from "../../api/model";
import { Section, Table } from "../../components/Page";
import { count, measured, percent } from "../../format/number";
import { duration } from "../../format/time";
import css from "./detectors.module.css";

/** How all rules together did on each model: what was found of the failures that are known, and how long before. */
export function Models({ models }: { models: DetectorFigures[] }) {
  const { t, i18n } = useTranslation();
  const n = (value: number) => count(value, i18n.language);
  if (models.length === 0) return null;
  return (
    <Section title={t("detectors.byModel")} note={t("detectors.byModelNote")}>
      <Table
        label={t("detectors.byModel")}
        head={
          <>
            <th>{t("detectors.model")}</th>
            <th className="num">{t("detectors.tickets")}</th>
            <th className="num">{t("detectors.precision")}</th>
            <th className="num">{t("detectors.recall")}</th>
            <th className="num">{t("detectors.lead")}</th>
            <th className="num">{t("detectors.falseRate")}</th>
          </>
        }
      >
        {models.map((m) => (
          <tr key={m.model} data-testid={`model-${m.model}`}>
            <td className="wide">{m.model || t("detectors.noModel")}</td>
            <td className="num" data-label={t("detectors.tickets")}>
              {n(m.tickets)}
              <div className={css["meta"]}>{t("detectors.labels", { confirmed: n(m.confirmed), refuted: n(m.refuted) })}</div>
            </td>
            <td className="num" data-label={t("detectors.precision")}>
              {m.precision === undefined ? <span className="dim">–</span> : percent(m.precision, i18n.language)}
            </td>
            <td className="num" data-label={t("detectors.recall")}>
              <Recall figures={m} />
            </td>
            <td className="num" data-label={t("detectors.lead")}>
              {m.lead === undefined ? <span className="dim">–</span> : duration(m.lead.median_seconds * 1000, i18n.language)}
              {m.lead && (
                <div className={css["meta"]}>
                  {duration(m.lead.lower_seconds * 1000, i18n.language)} – {duration(m.lead.upper_seconds * 1000, i18n.language)}
                </div>
              )}
            </td>
            <td className="num" data-label={t("detectors.falseShort")} title={t("detectors.falseRate")}>
              {m.false_per_device_month === undefined ? <span className="dim">–</span> : measured(m.false_per_device_month, i18n.language)}
            </td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}

/** The share of the known failures that a ticket warned of. */
export function Recall({ figures: f }: { figures: DetectorFigures }) {
  const { t, i18n } = useTranslation();
  if (f.recall === undefined) return <span className="dim">–</span>;
  return (
    <>
      {percent(f.recall, i18n.language)}
      <div className={css["meta"]}>{t("detectors.found", { found: count(f.found, i18n.language), failures: count(f.failures, i18n.language) })}</div>
    </>
  );
}
