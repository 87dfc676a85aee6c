import { Button } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Diagnosis, Signal, Told } from "../../api/model";
import { useDetectorName, useMetricName } from "../../app/names";
import { useReason } from "../../app/reason";
import { Ago } from "../../components/Ago";
import { SeverityMark, Tag } from "../../components/marks";
import { pick } from "../../format/names";
import { measured, percent, withUnit } from "../../format/number";
import css from "./ticket.module.css";
import { Meter } from "./TicketView";

/** More findings than this are folded away. */
const SHOWN = 5;

/** Why the ticket exists: the reasons in words, then what each detector saw and how rare that is. */
export function EvidenceList({ diagnosis }: { diagnosis: Diagnosis }) {
  const { t, i18n } = useTranslation();
  const metricName = useMetricName();
  const [all, setAll] = useState(false);
  const findings = diagnosis.evidence ?? [];
  const shown = all ? findings : findings.slice(0, SHOWN);
  const { cohort } = diagnosis;
  return (
    <div className={css["evidence"]}>
      {(diagnosis.reasons?.length ?? 0) > 0 && (
        <ul className={css["reasons"]}>
          {diagnosis.reasons?.map((reason, i) => (
            <li key={i}>{pick(reason, i18n.language)}</li>
          ))}
        </ul>
      )}
      {cohort && cohort.size > 1 && (
        <p className={css["cohort"]}>
          <PeerScale percentile={cohort.percentile} />
          {pick(cohort.words, i18n.language) ||
            t(cohort.percentile < 50 ? "ticket.cohortLow" : "ticket.cohort", {
            metric: metricName(cohort.metric),
            percentile: percent(Math.max(cohort.percentile, 100 - cohort.percentile) / 100, i18n.language),
            name: cohort.name,
            n: cohort.size,
          })}
        </p>
      )}
      <ul className={css["findings"]}>
        {shown.map((finding) => (
          <FindingItem key={finding.id} finding={finding} zone={diagnosis.facts.time_zone} />
        ))}
      </ul>
      {findings.length > SHOWN && (
        <Button variant="subtle" color="gray" size="compact-xs" onClick={() => setAll(!all)} aria-expanded={all}>
          {all ? t("ticket.fewer") : t("ticket.allFindings", { count: findings.length })}
        </Button>
      )}
      <p className={css["seal"]} title={diagnosis.hash}>
        {t("ticket.sealed")} <span className="mono">{diagnosis.hash.slice(0, 12)}</span> · <Ago at={diagnosis.built_at} />
      </p>
    </div>
  );
}

function FindingItem({ finding, zone }: { finding: Told; zone: string | undefined }) {
  const { t, i18n } = useTranslation();
  const reason = useReason();
  const detector = useDetectorName();
  return (
    <li className={css["finding"]}>
      <div className={css["findingHead"]}>
        <SeverityMark severity={finding.severity} wordless />
        <span>{reason(finding)}</span>
        <span className={css["when"]}>
          <Ago at={finding.time} zone={zone} />
        </span>
      </div>
      <div className={css["findingMeta"]}>
        <Tag tone={finding.phase === "raised" ? "critical" : finding.phase === "cleared" ? "ok" : undefined}>{t(`phase.${finding.phase}`)}</Tag>
        <span className="mono">{finding.rule}</span>
        <span title={`${finding.detector} v${finding.version}`}>{detector(finding.detector)}</span>
        {finding.p_value ? <span>{t("ticket.pValue", { p: finding.p_value.toPrecision(2) })}</span> : <span>{t("ticket.score", { score: percent(finding.score, i18n.language) })}</span>}
        {finding.withheld && <Tag tone="warning">{t(`withheld.${finding.withheld}`, { defaultValue: finding.withheld })}</Tag>}
      </div>
      {(finding.signals?.length ?? 0) > 0 && (
        <ul className={css["signals"]}>
          {finding.signals?.slice(0, 4).map((signal) => (
            <SignalLine key={signal.metric} signal={signal} />
          ))}
        </ul>
      )}
    </li>
  );
}

function SignalLine({ signal }: { signal: Signal }) {
  const { t, i18n } = useTranslation();
  const metricName = useMetricName();
  const expectation = expected(signal, i18n.language);
  return (
    <li>
      <Meter value={signal.share} width={34} />
      <span className="clip">{metricName(signal.metric)}</span>
      <span className="num">{withUnit(signal.actual, signal.unit, i18n.language)}</span>
      <span className="num dim">{expectation === "" ? "" : t("chart.expectedValue", { value: expectation })}</span>
    </li>
  );
}

/** What was expected of a signal: its range where it has one, else its value, else nothing: some rules repeat the actual value. */
function expected({ low, high, expected, actual, unit }: Signal, language: string): string {
  if (low !== undefined && high !== undefined) return `${measured(low, language)} – ${withUnit(high, unit, language)}`;
  if (low !== undefined) return `≥ ${withUnit(low, unit, language)}`;
  if (high !== undefined) return `≤ ${withUnit(high, unit, language)}`;
  return expected === actual ? "" : withUnit(expected, unit, language);
}

/** Where the device stands among its peers, as a mark on a scale from least to most. */
function PeerScale({ percentile }: { percentile: number }) {
  return (
    <svg width="74" height="14" viewBox="0 0 74 14" aria-hidden="true">
      <rect x="1" y="6" width="72" height="2" rx="1" fill="var(--line-strong)" />
      <rect x="19" y="5" width="36" height="4" rx="2" fill="var(--chart-band-edge)" />
      <circle cx={5 + (64 * percentile) / 100} cy="7" r="4" fill="var(--critical)" stroke="var(--surface)" strokeWidth="1.5" />
    </svg>
  );
}
