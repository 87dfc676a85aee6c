import { Button, SegmentedControl, Select, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { Evidence } from "../../api/model";
import { findingsQuery } from "../../api/queries";
import { useAddress } from "../../app/address";
import { useComponentName, useDetectorName } from "../../app/names";
import { useReason } from "../../app/reason";
import { useShortcuts } from "../../app/shortcuts";
import { Ago } from "../../components/Ago";
import { DeviceLink } from "../../components/DeviceLink";
import { SeverityMark, Tag } from "../../components/marks";
import { More, Page, Table } from "../../components/Page";
import { Empty, Read } from "../../components/states";
import { pick } from "../../format/names";
import { percent } from "../../format/number";
import css from "./findings.module.css";

const phases = ["raised", "continued", "cleared"] as const;

/** What the detectors found, ticketed or not, and why not. */
export function Findings() {
  const { t } = useTranslation();
  const [params, change] = useAddress();
  const search = useRef<HTMLInputElement>(null);
  useShortcuts({ "/": () => search.current?.focus() });
  const later = useDebouncedCallback((device: string) => change({ device: device.trim() }), 300);

  const device = params.get("device") ?? "";
  const detector = params.get("detector") ?? "";
  const withheld = params.get("withheld") ?? "";
  const phase = params.get("phase") ?? "";
  const detectorName = useDetectorName();
  const query = useInfiniteQuery(findingsQuery({ device, detector, withheld, phase }));
  const rows = query.data?.pages.flatMap((p) => p.findings ?? []) ?? [];
  const narrowed = Boolean(device || detector || withheld || phase);

  return (
    <Page
      title={t("nav.findings")}
      sub={t("findings.sub")}
      actions={
        <TextInput
          ref={search}
          key={device}
          defaultValue={device}
          onChange={(e) => later(e.currentTarget.value)}
          placeholder={t("findings.device")}
          aria-label={t("findings.device")}
          leftSection={<IconSearch size={14} />}
        />
      }
    >
      <div className={css["bar"]} role="toolbar" aria-label={t("queue.filters")}>
        <SegmentedControl
          value={withheld}
          onChange={(v) => change({ withheld: v })}
          data={[
            { value: "", label: t("queue.show.all") },
            { value: "false", label: t("findings.reported") },
            { value: "true", label: t("findings.withheld") },
          ]}
          aria-label={t("findings.withheldLabel")}
        />
        <Select
          value={phase || "any"}
          onChange={(v) => change({ phase: v === "any" ? null : v })}
          data={[{ value: "any", label: t("findings.anyPhase") }, ...phases.map((value) => ({ value, label: t(`phase.${value}`) }))]}
          aria-label={t("findings.phase")}
          allowDeselect={false}
          w={140}
        />
        {detector && (
          <Button variant="light" onClick={() => change({ detector: null })}>
            {detectorName(detector)} ×
          </Button>
        )}
      </div>
      <Read query={query} rows={12}>
        {() =>
          rows.length === 0 ? (
            <Empty title={t(narrowed ? "findings.noMatch" : "findings.none")}>
              <p>{t("findings.noneHint")}</p>
            </Empty>
          ) : (
            <>
              <Table
                label={t("nav.findings")}
                head={
                  <>
                    <th>{t("facet.severity")}</th>
                    <th>{t("findings.what")}</th>
                    <th>{t("fleet.device")}</th>
                    <th>{t("findings.detector")}</th>
                    <th className="num">{t("findings.score")}</th>
                    <th>{t("findings.outcome")}</th>
                    <th className="num">{t("findings.when")}</th>
                  </>
                }
              >
                {rows.map((f) => (
                  <Line key={f.id} finding={f} onDetector={(name) => change({ detector: name })} />
                ))}
              </Table>
              <More query={query} />
            </>
          )
        }
      </Read>
    </Page>
  );
}

function Line({ finding, onDetector }: { finding: Evidence; onDetector: (detector: string) => void }) {
  const { t, i18n } = useTranslation();
  const reason = useReason();
  const component = useComponentName();
  const detector = useDetectorName();
  return (
    <tr>
      <td>
        <SeverityMark severity={finding.severity} />
      </td>
      <td className="wide">
        <div className={css["what"]}>{reason(finding)}</div>
        {finding.unusual && <div className={css["unusual"]}>{pick(finding.unusual, i18n.language)}</div>}
        <div className={css["meta"]}>
          {t(`phase.${finding.phase}`)} · {component(finding.component)} · <span title={finding.fault_code}>{pick(finding.title, i18n.language) || finding.fault_code}</span>
          {finding.backfill && <> · {t("ticket.backfill")}</>}
        </div>
      </td>
      <td>
        <DeviceLink id={finding.device} />
      </td>
      <td>
        <button type="button" className={css["detector"]} onClick={() => onDetector(finding.detector)} title={`${t("findings.only", { detector: detector(finding.detector) })} (${finding.detector})`}>
          {detector(finding.detector)}
        </button>
        <div className={css["meta"]}>
          <span className="mono">{finding.rule}</span>
        </div>
      </td>
      <td className="num" data-label={t("findings.score")}>
        {finding.phase === "cleared" ? <span className="dim">–</span> : percent(finding.score, i18n.language)}
      </td>
      <td>
        {finding.ticket ? (
          <Link className="link" to={`/tickets/${encodeURIComponent(finding.ticket)}`}>
            {t("findings.ticket")}
          </Link>
        ) : finding.withheld ? (
          <Tag tone="warning">{t(`withheld.${finding.withheld}`, { defaultValue: finding.withheld })}</Tag>
        ) : (
          <span className="dim">{t("findings.noTicket")}</span>
        )}
      </td>
      <td className="num">
        <Ago at={finding.time} />
      </td>
    </tr>
  );
}
