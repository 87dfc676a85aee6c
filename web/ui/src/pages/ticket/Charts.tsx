import { Button, Checkbox } from "@mantine/core";
import { IconZoomReset } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { BandPoint, Diagnosis, Point, TicketDetail } from "../../api/model";
import { useMetricName } from "../../app/names";
import { SignalChart, type Range } from "../../charts/SignalChart";
import { pick } from "../../format/names";
import { percent } from "../../format/number";
import { millis } from "../../format/time";
import css from "./ticket.module.css";

const noPoints: Point[] = [];
const noBand: BandPoint[] = [];
const noEvents: never[] = [];

/** The culprit with its expected range, then the signals that follow, on one time axis. */
export function Charts({ ticket, diagnosis }: { ticket: TicketDetail; diagnosis: Diagnosis }) {
  const { t, i18n } = useTranslation();
  const metricName = useMetricName();
  const whole = useMemo<Range>(() => ({ from: millis(diagnosis.from) ?? 0, to: millis(diagnosis.to) ?? 0 }), [diagnosis.from, diagnosis.to]);
  const [zoom, setZoom] = useState<Range | null>(null);
  const range = zoom ?? whole;
  const [withPeers, setWithPeers] = useState(false);
  const { cohort } = diagnosis;
  const [low, high] = [cohort?.low, cohort?.high];
  const peers = useMemo(() => (withPeers && low !== undefined && high !== undefined ? { low, high } : undefined), [withPeers, low, high]);

  const onset = millis(diagnosis.onset_at);
  const opened = millis(diagnosis.opened_at);
  const end = millis(ticket.cleared_at) ?? whole.to;
  const severity = ticket.severity;
  const spans = useMemo(() => (onset === null ? [] : [{ from: onset, to: Math.max(end, onset), severity }]), [onset, end, severity]);
  const onsetWord = t("chart.onset");
  const openedWord = t("chart.opened");
  const rules = useMemo(
    () => [
      ...(onset === null ? [] : [{ at: onset, label: onsetWord, dashed: true }]),
      ...(opened === null ? [] : [{ at: opened, label: openedWord, dashed: false }]),
    ],
    [onset, opened, onsetWord, openedWord],
  );
  const bare = useMemo(() => rules.map((r) => ({ ...r, label: "" })), [rules]);

  const signals = (diagnosis.signals ?? []).slice(0, 3);
  if (diagnosis.partial) return <p className="dim">{t("ticket.partial")}</p>;
  if (signals.length === 0) return <p className="dim">{t(diagnosis.events?.length ? "ticket.onlyEvents" : "chart.none")}</p>;
  const inside = (r: Range | null) => {
    if (!r) {
      setZoom(null);
      return;
    }
    const from = Math.max(r.from, whole.from);
    const to = Math.min(r.to, whole.to);
    setZoom(to - from < 1_000 || (from === whole.from && to === whole.to) ? null : { from, to });
  };
  return (
    <div className={css["charts"]} data-testid="ticket-charts">
      {signals.map((signal, i) => (
        <div key={signal.metric}>
          <SignalChart
            peers={signal.metric === cohort?.metric ? peers : undefined}
            description={pick(signal.words, i18n.language)}
            name={metricName(signal.metric)}
            unit={signal.unit}
            points={signal.points ?? noPoints}
            band={signal.band ?? noBand}
            spans={spans}
            rules={i === 0 ? rules : bare}
            events={i === 0 ? (diagnosis.events ?? noEvents) : noEvents}
            range={range}
            height={i === 0 ? 220 : 92}
            timeAxis={i === signals.length - 1}
            group={`ticket-${ticket.id}`}
            note={signal.share > 0 ? t("chart.share", { share: percent(signal.share, i18n.language) }) : undefined}
            onRange={inside}
          />
          {signal.words && <p className={css["signalWords"]}>{pick(signal.words, i18n.language)}</p>}
        </div>
      ))}
      <div className={css["legend"]}>
        <span>
          <i className={css["keyLine"]} />
          {t("chart.actual")}
        </span>
        <span>
          <i className={css["keyBand"]} />
          {t("chart.band")}
        </span>
        <span>
          <i className={css["keySpan"]} style={{ background: `var(--${severity}-soft)`, borderColor: `var(--${severity})` }} />
          {t("chart.anomalous")}
        </span>
        {low !== undefined && high !== undefined && (
          <Checkbox
            size="xs"
            checked={withPeers}
            data-testid="peers"
            onChange={(e) => setWithPeers(e.currentTarget.checked)}
            label={
              <span className={css["keyLabel"]}>
                <i className={css["keyPeers"]} />
                {t("chart.peers")}
              </span>
            }
          />
        )}
        {zoom && (
          <Button size="compact-xs" variant="default" leftSection={<IconZoomReset size={13} />} onClick={() => setZoom(null)}>
            {t("chart.reset")}
          </Button>
        )}
        <Link
          className="link"
          style={{ marginLeft: "auto" }}
          to={`/devices/${encodeURIComponent(ticket.device)}?${new URLSearchParams([
            ...signals.map((s): [string, string] => ["metric", s.metric]),
            ["from", String(range.from)],
            ["to", String(range.to)],
          ]).toString()}`}
        >
          {t("ticket.onDevice")}
        </Link>
      </div>
    </div>
  );
}
