import { useQuery } from "@tanstack/react-query";
import { Fragment, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { DetectorRecord, StageSetting } from "../../api/model";
import { detectorsQuery, detectorTicketsQuery } from "../../api/queries";
import { Ago } from "../../components/Ago";
import { Tag } from "../../components/marks";
import { Section, Table } from "../../components/Page";
import { Empty, Read } from "../../components/states";
import { count, measured, percent } from "../../format/number";
import css from "./detectors.module.css";
import { Levels } from "./Levels";
import { Models, Recall } from "./Models";
import { Rules } from "./Rules";
import { Stage } from "./Stage";

/** How every rule did by model, what trials would have added, and who changed stages. */
export function Records() {
  const { t } = useTranslation();
  const query = useQuery(detectorsQuery);
  return (
    <Section title={t("detectors.quality")} note={t("detectors.qualityNote", { count: query.data?.days ?? 90 })}>
      <Read query={query} rows={4}>
        {(report) => (
          <>
            {(report.detectors ?? []).length + (report.models ?? []).length === 0 ? (
              <Empty title={t("detectors.noRecords")}>
                <p>{t("detectors.noRecordsHint")}</p>
              </Empty>
            ) : (
              <Table
                label={t("detectors.quality")}
                head={
                  <>
                    <th>{t("detectors.rule")}</th>
                    <th className="num">{t("detectors.tickets")}</th>
                    <th className="num">{t("detectors.precision")}</th>
                    <th className="num">{t("detectors.recall")}</th>
                    <th className="num">{t("detectors.delay")}</th>
                    <th className="num">{t("detectors.falseRate")}</th>
                    <th className="num">{t("detectors.trial")}</th>
                    <th>{t("detectors.stage")}</th>
                  </>
                }
              >
                {(report.detectors ?? []).map((r) => (
                  <Line key={`${r.rule}\n${r.model}`} record={r} />
                ))}
              </Table>
            )}
            <Levels records={report.detectors ?? []} />
            <Models models={report.models ?? []} />
            <Rules report={report} />
            <Changes changes={report.changes ?? []} />
          </>
        )}
      </Read>
    </Section>
  );
}

function Line({ record: r }: { record: DetectorRecord }) {
  const { t, i18n } = useTranslation();
  const [open, setOpen] = useState(false);
  const n = (value: number) => count(value, i18n.language);
  const interval = r.precision_interval;
  return (
    <Fragment>
      <tr data-testid={`record-${r.rule}`}>
        <td className="wide">
          <span className="mono">{r.rule}</span>
          <div className={css["meta"]}>{r.model || t("detectors.noModel")}</div>
        </td>
        <td className="num" data-label={t("detectors.tickets")}>
          <button type="button" className={css["behind"]} aria-expanded={open} disabled={r.tickets === 0} onClick={() => setOpen(!open)}>
            {n(r.tickets)}
          </button>
          <div className={css["meta"]}>{t("detectors.labels", { confirmed: n(r.confirmed), refuted: n(r.refuted) })}</div>
        </td>
        <td className="num" data-label={t("detectors.precision")}>
          {r.precision === undefined ? <span className="dim">–</span> : percent(r.precision, i18n.language)}
          {interval && (
            <div className={css["meta"]}>
              {percent(interval.low, i18n.language)} – {percent(interval.high, i18n.language)}
            </div>
          )}
        </td>
        <td className="num" data-label={t("detectors.recall")}>
          <Recall figures={r} />
        </td>
        <td className="num" data-label={t("detectors.delay")}>
          {r.delay_seconds === undefined ? <span className="dim">–</span> : `${measured(r.delay_seconds, i18n.language)} s`}
        </td>
        <td className="num" data-label={t("detectors.falseShort")} title={t("detectors.falseRate")}>
          {r.false_per_device_month === undefined ? <span className="dim">–</span> : measured(r.false_per_device_month, i18n.language)}
        </td>
        <td className="num" data-label={t("detectors.trial")}>
          {r.trial_raised === 0 ? <span className="dim">–</span> : n(r.trial_raised)}
          {r.trial_raised > 0 && <div className={css["meta"]}>{t("detectors.added", { added: n(r.trial_raised - r.trial_ticketed) })}</div>}
        </td>
        <td data-label={t("detectors.stage")}>
          <Stage rule={r.rule} model={r.model} setting={r.setting} />
          {r.setting?.level !== undefined && <div className={css["meta"]}>{t("detectors.level", { level: measured(r.setting.level, i18n.language) })}</div>}
        </td>
      </tr>
      {open && (
        <tr>
          <td className="wide" colSpan={8}>
            <Behind record={r} />
          </td>
        </tr>
      )}
    </Fragment>
  );
}

/** The tickets behind the figures. */
function Behind({ record: r }: { record: DetectorRecord }) {
  const { t } = useTranslation();
  const query = useQuery(detectorTicketsQuery(r.rule, r.model));
  return (
    <Read query={query} rows={1}>
      {(data) => (
        <ul className={css["tickets"]}>
          {(data.tickets ?? []).map((x) => (
            <li key={x.id}>
              <Link className="link" to={`/tickets/${encodeURIComponent(x.id)}`}>
                {x.number}
              </Link>{" "}
              <Tag tone={x.label === "confirmed" ? "ok" : x.label === "refuted" ? "warning" : undefined}>{t(`detectors.label.${x.label ?? "none"}`)}</Tag>
            </li>
          ))}
        </ul>
      )}
    </Read>
  );
}

function Changes({ changes }: { changes: StageSetting[] }) {
  const { t, i18n } = useTranslation();
  if (changes.length === 0) return null;
  return (
    <details className={css["changes"]}>
      <summary>{t("detectors.changes", { count: changes.length })}</summary>
      <ul>
        {changes.map((c) => (
          <li key={`${c.rule}\n${c.model}\n${c.at}`}>
            <Ago at={c.at} /> · {c.by} · <span className="mono">{c.rule}</span> {c.model} → {c.level_at === c.at ? t("detectors.level", { level: measured(c.level ?? 1, i18n.language) }) : t(`detectors.stages.${c.stage ?? "catalogue"}`, { share: percent(c.canary ?? 0, i18n.language) })}: {c.reason}
          </li>
        ))}
      </ul>
    </details>
  );
}
