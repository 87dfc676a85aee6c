import { ActionIcon, Button, Checkbox, Popover, ScrollArea, SegmentedControl, TextInput } from "@mantine/core";
import { IconChevronDown, IconChevronLeft, IconChevronRight, IconMinus, IconPlus, IconZoomReset } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useParams } from "react-router";
import type { DeviceDetail, DeviceEvent, DeviceMetric, Ticket } from "../../api/model";
import { deviceQuery, eventsQuery, ticketsQuery } from "../../api/queries";
import { useAddress } from "../../app/address";
import { useComponentName, useDetectorName, useMetricName } from "../../app/names";
import { useNow } from "../../app/now";
import { useShortcuts } from "../../app/shortcuts";
import type { Range } from "../../charts/SignalChart";
import { Ago } from "../../components/Ago";
import { HealthMark, SeverityMark, StateMark, Tag } from "../../components/marks";
import { Facts, Section, useTab } from "../../components/Page";
import { Read } from "../../components/states";
import { humanise, pick } from "../../format/names";
import { withUnit } from "../../format/number";
import { clock, day, millis } from "../../format/time";
import css from "./device.module.css";
import { DeviceSignal } from "./DeviceSignal";
import { panned, rangeOf, readShown, spans, zoomed } from "./range";
import { TicketStrip } from "./TicketStrip";

const noEvents: DeviceEvent[] = [];
/** How many metrics are drawn until somebody picks. */
const PICKED = 3;

/** A device: how it is, its tickets over its signals, what it said of itself and what watches it. */
export function Device() {
  const { id = "" } = useParams();
  const device = useQuery(deviceQuery(id));
  useTab(device.data?.name || id);
  return <Read query={device}>{(data) => <Loaded key={id} device={data} />}</Read>;
}

function Loaded({ device }: { device: DeviceDetail }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [params, change] = useAddress();
  const now = useNow();
  const shown = readShown(params);
  const { from, to } = rangeOf(shown, now);
  const range = useMemo<Range>(() => ({ from, to }), [from, to]);

  const tickets = useInfiniteQuery(ticketsQuery({ device: device.id, sort: "opened" }, 100));
  const all = useMemo(() => tickets.data?.pages.flatMap((p) => p.tickets ?? []) ?? [], [tickets.data]);
  const events = useQuery(eventsQuery(device.id, range)).data ?? noEvents;

  const known = device.metrics;
  const wanted = params.getAll("metric").filter((m) => known.some((k) => k.name === m));
  const picked = wanted.length > 0 ? wanted : telling(known, all).slice(0, PICKED);
  const anomalous = useMemo(() => spansOf(all, now), [all, now]);

  const show = (r: Range | null) => change(r ? { from: String(r.from), to: String(r.to), span: null } : { from: null, to: null });
  useShortcuts({
    Escape: () => (shown.span === undefined ? show(null) : void navigate(-1)),
    ArrowLeft: () => show(panned(range, -0.25)),
    ArrowRight: () => show(panned(range, 0.25)),
    "+": () => show(zoomed(range, 0.5)),
    "-": () => show(zoomed(range, 2)),
  });

  return (
    <div className={css["device"]}>
      <header className={css["head"]}>
        <div className={css["marks"]}>
          <HealthMark health={device.health} />
          <Online device={device} />
          {device.retired && <Tag tone="warning">{t("device.retired")}</Tag>}
          <InMaintenance device={device} />
        </div>
        <h1>{device.name || device.id}</h1>
        <p className="dim">
          <span className="mono">{device.id}</span>
          {[device.model_name || device.model, device.site_name, device.region_name || device.region].filter(Boolean).map((x) => (
            <span key={x}> · {x}</span>
          ))}
        </p>
      </header>

      <div className={css["main"]}>
        <div className={css["tools"]} role="toolbar" aria-label={t("device.range")}>
          <SegmentedControl
            value={shown.span ?? ""}
            onChange={(span) => change({ span: span === "24h" ? null : span, from: null, to: null })}
            data={Object.keys(spans).map((value) => ({ value, label: t(`device.span.${value as "1h"}`) }))}
            aria-label={t("device.range")}
          />
          <ActionIcon.Group>
            <ActionIcon variant="default" size={30} onClick={() => show(panned(range, -0.5))} aria-label={t("device.earlier")}>
              <IconChevronLeft size={15} />
            </ActionIcon>
            <ActionIcon variant="default" size={30} onClick={() => show(zoomed(range, 2))} aria-label={t("device.zoomOut")}>
              <IconMinus size={15} />
            </ActionIcon>
            <ActionIcon variant="default" size={30} onClick={() => show(zoomed(range, 0.5))} aria-label={t("device.zoomIn")}>
              <IconPlus size={15} />
            </ActionIcon>
            <ActionIcon variant="default" size={30} onClick={() => show(panned(range, 0.5))} aria-label={t("device.later")}>
              <IconChevronRight size={15} />
            </ActionIcon>
          </ActionIcon.Group>
          {shown.span === undefined && (
            <Button variant="subtle" color="gray" leftSection={<IconZoomReset size={14} />} onClick={() => show(null)}>
              {t("chart.reset")}
            </Button>
          )}
          <MetricPicker metrics={known} picked={picked} onChange={(metric) => change({ metric })} />
        </div>
        <TicketStrip tickets={all} range={range} now={now} />
        <div className={css["signals"]}>
          {known.length === 0 && <p className="dim">{t("device.noMetrics")}</p>}
          {picked.map((name, i) => (
            <DeviceSignal
              key={name}
              device={device.id}
              metric={name}
              unit={known.find((m) => m.name === name)?.unit ?? ""}
              range={range}
              events={i === 0 ? events : noEvents}
              spans={anomalous}
              height={i === 0 ? 190 : 130}
              timeAxis={i === picked.length - 1}
              onRange={show}
            />
          ))}
          {picked.length > 0 && <p className={css["hint"]}>{t("device.zoomHint")}</p>}
        </div>

        <Section title={t("device.now")}>
          <Latest metrics={known} picked={picked} onPick={(metric) => change({ metric })} />
        </Section>
        <Section title={t("device.watched")} note={t("device.watchedNote", { count: device.detectors.length })}>
          <Watched device={device} />
        </Section>
      </div>

      <aside className={css["rail"]}>
        <Section title={t("device.tickets")}>
          <Tickets tickets={all} device={device} />
        </Section>
        <Section title={t("ticket.facts")}>
          <DeviceFacts device={device} />
        </Section>
        {device.state && (
          <Section title={t("device.state")} note={<Ago at={device.state.time} zone={device.time_zone} />}>
            <Facts facts={Object.entries(device.state.attributes ?? {}).map(([k, v]) => [humanise(k), v] as const)} />
          </Section>
        )}
        {events.length > 0 && (
          <Section title={t("device.events")} note={events.length}>
            <ol className={css["events"]}>
              {events
                .slice(-12)
                .toReversed()
                .map((e, i) => (
                  <li key={`${e.time}-${i}`}>
                    <SeverityMark severity={e.severity ?? "info"} wordless />
                    <span className="mono clip">{e.code}</span>
                    <span className="dim" style={{ marginLeft: "auto" }}>
                      <Ago at={e.time} zone={device.time_zone} />
                    </span>
                  </li>
                ))}
            </ol>
          </Section>
        )}
      </aside>
    </div>
  );
}

/** The metrics, those first that an open ticket is about, and those last that no detector learns. */
function telling(metrics: readonly DeviceMetric[], tickets: readonly Ticket[]): string[] {
  const troubled = new Set(tickets.filter((ticket) => ticket.category !== "done").map((ticket) => ticket.component));
  const rank = (m: DeviceMetric) => (m.component && troubled.has(m.component) ? 0 : m.unwatched ? 2 : 1);
  return metrics.toSorted((a, b) => rank(a) - rank(b)).map((m) => m.name);
}

/** The times in which tickets saw something wrong. */
function spansOf(tickets: readonly Ticket[], now: number) {
  return tickets.map((ticket) => ({
    from: millis(ticket.onset_at) ?? now,
    to: millis(ticket.cleared_at) ?? millis(ticket.closed_at) ?? now,
    severity: ticket.severity,
  }));
}

function Online({ device }: { device: DeviceDetail }) {
  const { t } = useTranslation();
  if (device.online === undefined)
    return (
      <span className="dim">
        {t("device.lastSeen")} <Ago at={device.last_seen} zone={device.time_zone} />
      </span>
    );
  return (
    <span className="dim">
      {t(device.online ? "device.online" : "device.offline")} · {t("device.lastSeen")} <Ago at={device.last_seen} zone={device.time_zone} />
    </span>
  );
}

/** The windows that run on the device. */
function InMaintenance({ device }: { device: DeviceDetail }) {
  const { t, i18n } = useTranslation();
  const component = useComponentName();
  const now = useNow();
  return device.maintenance
    .filter((w) => (millis(w.over_at) ?? 0) > now)
    .map((w) => (
      <Link key={w.id} to="/maintenance?status=running" title={w.name} data-testid="in-maintenance">
        <Tag tone="warning">
          {t("device.maintenanceUntil", { time: clock(millis(w.over_at) ?? 0, now, i18n.language) })}
          {w.component ? ` · ${component(w.component)}` : ""}
        </Tag>
      </Link>
    ));
}

function MetricPicker({ metrics, picked, onChange }: { metrics: readonly DeviceMetric[]; picked: readonly string[]; onChange: (names: string[]) => void }) {
  const { t } = useTranslation();
  const metricName = useMetricName();
  const component = useComponentName();
  const [search, setSearch] = useState("");
  const found = metrics.filter((m) => `${m.name} ${metricName(m.name)}`.toLowerCase().includes(search.toLowerCase()));
  return (
    <Popover position="bottom-end" width={280} shadow="md" trapFocus returnFocus>
      <Popover.Target>
        <Button variant="default" ml="auto" rightSection={<IconChevronDown size={13} />} data-testid="metric-picker">
          {t("device.metrics", { count: picked.length, total: metrics.length })}
        </Button>
      </Popover.Target>
      <Popover.Dropdown p={6}>
        {metrics.length > 8 && (
          <TextInput mb={6} value={search} onChange={(e) => setSearch(e.currentTarget.value)} placeholder={t("facet.search")} aria-label={t("facet.search")} />
        )}
        <ScrollArea.Autosize mah={340} type="auto">
          {found.map((m) => (
            <label key={m.name} className={css["pick"]}>
              <Checkbox
                size="xs"
                checked={picked.includes(m.name)}
                onChange={(e) => onChange(e.currentTarget.checked ? [...picked, m.name] : picked.filter((p) => p !== m.name))}
              />
              <span className="clip">{metricName(m.name)}</span>
              <span className="dim" style={{ marginLeft: "auto" }}>
                {m.component ? component(m.component) : ""}
              </span>
            </label>
          ))}
        </ScrollArea.Autosize>
      </Popover.Dropdown>
    </Popover>
  );
}

/** The newest value of every metric; choosing one draws it. */
function Latest({ metrics, picked, onPick }: { metrics: readonly DeviceMetric[]; picked: readonly string[]; onPick: (names: string[]) => void }) {
  const { i18n } = useTranslation();
  const metricName = useMetricName();
  return (
    <ul className={css["latest"]}>
      {metrics.map((m) => {
        const on = picked.includes(m.name);
        return (
          <li key={m.name}>
            <button type="button" className={on ? css["on"] : ""} aria-pressed={on} onClick={() => onPick(on ? picked.filter((p) => p !== m.name) : [...picked, m.name])}>
              <span className="dim clip">{metricName(m.name)}</span>
              <b>{withUnit(m.last[1], m.unit, i18n.language)}</b>
              <span className={css["age"]}>
                <Ago at={m.last[0]} />
              </span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}

function Watched({ device }: { device: DeviceDetail }) {
  const { t, i18n } = useTranslation();
  const metricName = useMetricName();
  const detector = useDetectorName();
  if (device.detectors.length === 0) return <p className="dim">{t("device.unwatched")}</p>;
  return (
    <ul className={css["watches"]}>
      {device.detectors.map((w) => (
        <li key={w.rule}>
          <SeverityMark severity={w.severity} wordless />
          <span>
            <b>{pick(w.title, i18n.language) || w.fault_code || humanise(w.rule)}</b>
            <span className="dim">
              {" "}
              <span className="mono">{w.rule}</span> · <span title={w.detector}>{detector(w.detector)}</span>
            </span>
          </span>
          <span className={`dim ${css["over"]}`}>
            {w.metrics.length > 4 ? t("device.metricCount", { count: w.metrics.length }) : w.metrics.map(metricName).join(", ")}
          </span>
          {w.shadow && <Tag tone="warning">{t("withheld.shadow")}</Tag>}
        </li>
      ))}
    </ul>
  );
}

function Tickets({ tickets, device }: { tickets: readonly Ticket[]; device: DeviceDetail }) {
  const { t, i18n } = useTranslation();
  if (tickets.length === 0) return <p className="dim">{t("device.noTickets")}</p>;
  return (
    <ul className={css["tickets"]}>
      {tickets.slice(0, 6).map((ticket) => (
        <li key={ticket.id}>
          <Link to={`/tickets/${encodeURIComponent(ticket.number)}`}>
            <SeverityMark severity={ticket.severity} wordless />
            <span className="clip">{pick(ticket.title, i18n.language)}</span>
            <StateMark state={ticket.state} category={ticket.category} />
          </Link>
        </li>
      ))}
      {tickets.length > 6 && (
        <li>
          <Link className="link" to={`/tickets?show=all&sort=opened&device=${encodeURIComponent(device.id)}`}>
            {t("device.allTickets", { count: tickets.length })}
          </Link>
        </li>
      )}
    </ul>
  );
}

function DeviceFacts({ device }: { device: DeviceDetail }) {
  const { t, i18n } = useTranslation();
  const date = (at: string | undefined) => {
    const ms = millis(at);
    return ms === null ? "" : day(ms, i18n.language);
  };
  return (
    <Facts
      facts={[
        [t("device.customer"), device.customer_name || device.customer],
        [t("device.site"), device.site_name || device.site],
        [t("device.zone"), device.time_zone],
        [t("device.firmware"), device.firmware && <span className="mono">{device.firmware}</span>],
        [t("device.serial"), device.serial && <span className="mono">{device.serial}</span>],
        [t("device.batch"), device.batch && <span className="mono">{device.batch}</span>],
        [t("device.criticality"), device.criticality && device.criticality > 1 ? String(device.criticality) : ""],
        [t("device.purchased"), date(device.purchased)],
        [t("device.warranty"), date(device.warranty)],
        [t("device.registered"), date(device.registered)],
        ...Object.entries(device.attributes ?? {}).map(([k, v]) => [humanise(k), v] as const),
      ]}
    />
  );
}
