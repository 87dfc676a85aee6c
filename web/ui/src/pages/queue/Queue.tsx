import { ActionIcon, Button, CloseButton, SegmentedControl, Select, TextInput } from "@mantine/core";
import { useDebouncedCallback, useMediaQuery } from "@mantine/hooks";
import { IconArrowUp, IconChecks, IconExternalLink, IconFilterOff, IconSearch, IconX } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useCallback, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";
import type { DeskEvent, Ticket } from "../../api/model";
import { ticketsQuery } from "../../api/queries";
import { useAddress } from "../../app/address";
import { useComponentName, useNames, useStateName } from "../../app/names";
import { useMe } from "../../app/session";
import { useShortcuts } from "../../app/shortcuts";
import { More, Page } from "../../components/Page";
import { Empty, Read } from "../../components/states";
import { count } from "../../format/number";
import { useDeskEvents } from "../../live/Live";
import { TicketView } from "../ticket/TicketView";
import { FacetMenu } from "./FacetMenu";
import { facets, narrowings, queryOf, readFilter, shows, sorts, type Facet } from "./filter";
import css from "./queue.module.css";
import { Row } from "./Row";
import { steady } from "./steady";

const severities = ["critical", "major", "warning", "info"] as const;

/** The open tickets by deadline, live, with a panel that shows one of them beside the list. */
export function Queue() {
  const { t, i18n } = useTranslation();
  const me = useMe();
  const navigate = useNavigate();
  const [params, change] = useAddress();
  const filter = useMemo(() => readFilter(params), [params]);
  const selected = params.get("sel") ?? "";
  const wide = useMediaQuery("(min-width: 1100px)") ?? true;
  const nameOf = useNames();
  const componentName = useComponentName();
  const stateName = useStateName();

  const query = useInfiniteQuery(ticketsQuery({ ...queryOf(filter), sort: filter.sort }));
  const rows = useMemo(() => query.data?.pages.flatMap((p) => p.tickets ?? []) ?? [], [query.data]);
  const total = query.data?.pages[0]?.total ?? 0;

  // While somebody points at the list or has scrolled into it, nothing moves.
  const filterKey = JSON.stringify(filter);
  const [hold, setHold] = useState<{ filter: string; rows: Ticket[] } | null>(null);
  const held = hold?.filter === filterKey ? hold.rows : null;
  const { shown, gone, waiting } = useMemo(
    () => (held ? steady(held, rows) : { shown: rows, gone: new Set<string>(), waiting: [] as Ticket[] }),
    [held, rows],
  );
  // An empty list holds nothing: what comes first is shown at once.
  const keepStill = () => {
    if (!held && rows.length > 0) setHold({ filter: filterKey, rows });
  };
  const list = useRef<HTMLDivElement>(null);
  const release = () => {
    if ((list.current?.scrollTop ?? 0) < 8) setHold(null);
  };

  // Tickets that opened while the page was looked at carry a mark until they are opened.
  const [fresh, setFresh] = useState<ReadonlySet<string>>(new Set());
  useDeskEvents(
    useCallback((event: DeskEvent) => {
      if (event.type === "ticket.opened" || event.type === "ticket.reopened") setFresh((f) => new Set(f).add(event.ticket.id));
    }, []),
  );

  const [current, setCurrent] = useState("");
  const open = useCallback(
    (ticket: Ticket) => {
      setCurrent(ticket.number);
      setFresh((f) => {
        const rest = new Set(f);
        rest.delete(ticket.id);
        return rest;
      });
      if (wide) change({ sel: ticket.number });
      else void navigate(`/tickets/${encodeURIComponent(ticket.number)}`);
    },
    [change, navigate, wide],
  );

  const move = (by: number) => {
    const at = shown.findIndex((r) => r.number === (current || selected));
    const next = shown[Math.max(0, Math.min(shown.length - 1, at < 0 ? 0 : at + by))];
    if (!next) return;
    if (selected && wide) open(next);
    else setCurrent(next.number);
    list.current?.querySelector(`[data-number="${CSS.escape(next.number)}"]`)?.scrollIntoView({ block: "nearest" });
    if (at + by >= shown.length - 3 && query.hasNextPage && !query.isFetchingNextPage) void query.fetchNextPage();
  };
  const search = useRef<HTMLInputElement>(null);
  const opened = shown.find((r) => r.number === current);
  useShortcuts({
    "/": () => search.current?.focus(),
    j: () => move(1),
    k: () => move(-1),
    Enter: () => opened && open(opened),
    o: () => (current || selected) && void navigate(`/tickets/${encodeURIComponent(current || selected)}`),
    Escape: () => change({ sel: null }),
  });

  const searchLater = useDebouncedCallback((q: string) => change({ q }), 250);
  const valueName = (facet: Facet) => (value: string) => {
    if (facet === "severity") return t(`severity.${value as "info"}`, { defaultValue: value });
    if (facet === "state") return stateName(value);
    if (facet === "component") return componentName(value);
    return nameOf(facet, value);
  };
  const narrowed = narrowings(filter);
  const clear = () => change({ ...Object.fromEntries(facets.map((f) => [f, null])), q: null, device: null });
  const panel = Boolean(selected) && wide;

  return (
    <div className={`${css["queue"]} ${panel ? css["split"] : ""}`}>
      <div className={css["pane"]}>
        <Page
          title={t("nav.queue")}
          tab={`${total > 0 && filter.show === "open" ? `(${total}) ` : ""}${t("nav.queue")}`}
          sub={
            <span aria-live="polite" data-testid="queue-total">
              {query.data ? t("queue.total", { count: total, shown: count(total, i18n.language) }) : ""}
            </span>
          }
          actions={
            <TextInput
              ref={search}
              key={filter.text}
              className={css["search"] ?? ""}
              defaultValue={filter.text}
              onChange={(e) => searchLater(e.currentTarget.value)}
              placeholder={t("queue.search")}
              aria-label={t("queue.search")}
              leftSection={<IconSearch size={14} />}
              data-testid="queue-search"
            />
          }
        >
          <div className={css["bar"]} role="toolbar" aria-label={t("queue.filters")}>
            <SegmentedControl
              value={filter.show}
              onChange={(show) => change({ show: show === "open" ? null : show })}
              data={shows.map((value) => ({ value, label: t(`queue.show.${value}`) }))}
              aria-label={t("queue.showLabel")}
            />
            {me.technician && (
              <Button
                size="compact-sm"
                variant={filter.values.assignee.includes(me.technician) ? "light" : "default"}
                onClick={() => change({ assignee: filter.values.assignee.includes(me.technician!) ? null : me.technician! })}
                aria-pressed={filter.values.assignee.includes(me.technician)}
              >
                {t("queue.mine")}
              </Button>
            )}
            {facets.map((facet) => (
              <FacetMenu
                key={facet}
                facet={facet}
                filter={filter}
                nameOf={valueName(facet)}
                {...(facet === "severity" ? { order: severities } : {})}
                onChange={(values) => change({ [facet]: values })}
              />
            ))}
            {filter.device && (
              <Button size="compact-sm" variant="light" rightSection={<IconX size={13} />} onClick={() => change({ device: null })}>
                {t("facet.device")}
                <span className={css["chosen"]}>{filter.device}</span>
              </Button>
            )}
            {narrowed > 0 && (
              <ActionIcon variant="subtle" color="gray" onClick={clear} aria-label={t("facet.clearAll")} title={t("facet.clearAll")}>
                <IconFilterOff size={15} />
              </ActionIcon>
            )}
            <Select
              className={css["sort"] ?? ""}
              value={filter.sort}
              onChange={(sort) => change({ sort: sort === "deadline" ? null : sort })}
              data={sorts.map((value) => ({ value, label: t(`queue.sort.${value}`) }))}
              aria-label={t("queue.sortLabel")}
              allowDeselect={false}
              comboboxProps={{ width: 180, position: "bottom-end" }}
              data-testid="queue-sort"
            />
          </div>
          <div
            ref={list}
            className={css["list"]}
            onPointerMove={(e) => e.pointerType === "mouse" && keepStill()}
            onPointerLeave={release}
            onScroll={(e) => (e.currentTarget.scrollTop > 8 ? keepStill() : undefined)}
          >
            <div className={css["headRow"]} aria-hidden="true">
              <span>{t("facet.severity")}</span>
              <span>{t("queue.ticket")}</span>
              <span>{t("queue.fault")}</span>
              <span className="num">{t("queue.onset")}</span>
              <span className="num">{filter.show === "closed" ? t("state.closed") : t("queue.due")}</span>
              <span>{t("queue.desk")}</span>
              <span>{t("facet.state")}</span>
            </div>
            {waiting.length > 0 && (
              <button
                type="button"
                className={css["waiting"]}
                onClick={() => {
                  setHold({ filter: filterKey, rows });
                  list.current?.scrollTo({ top: 0, behavior: "smooth" });
                }}
              >
                <IconArrowUp size={14} />
                {t("queue.waiting", { count: waiting.length })}
              </button>
            )}
            <Read query={query} rows={12}>
              {() =>
                shown.length === 0 ? (
                  <Nothing filtered={narrowed > 0} show={filter.show} onClear={clear} />
                ) : (
                  <>
                    <ol className={css["rows"]} data-testid="queue">
                      {shown.map((ticket) => (
                        <Row
                          key={ticket.id}
                          ticket={ticket}
                          station={nameOf("station", ticket.station) || nameOf("region", ticket.region)}
                          assignee={nameOf("assignee", ticket.assignee)}
                          selected={panel && (ticket.number === selected || ticket.id === selected)}
                          current={ticket.number === current}
                          fresh={fresh.has(ticket.id)}
                          gone={gone.has(ticket.id)}
                          onOpen={open}
                        />
                      ))}
                    </ol>
                    <More query={query} />
                  </>
                )
              }
            </Read>
          </div>
        </Page>
      </div>
      {panel && (
        <aside className={css["panel"]} aria-label={t("queue.panel", { number: selected })} data-testid="ticket-panel">
          <div className={css["panelBar"]}>
            <span className="mono">{selected}</span>
            <ActionIcon
              component={Link}
              to={`/tickets/${encodeURIComponent(selected)}`}
              variant="subtle"
              color="gray"
              ml="auto"
              aria-label={t("help.full")}
              title={t("help.full")}
            >
              <IconExternalLink size={16} stroke={1.6} />
            </ActionIcon>
            <CloseButton onClick={() => change({ sel: null })} aria-label={t("help.close")} size="sm" />
          </div>
          <TicketView key={selected} id={selected} compact />
        </aside>
      )}
    </div>
  );
}

function Nothing({ filtered, show, onClear }: { filtered: boolean; show: string; onClear: () => void }) {
  const { t } = useTranslation();
  if (filtered)
    return (
      <Empty title={t("queue.noMatch")}>
        <Button variant="default" mt="xs" onClick={onClear}>
          {t("facet.clearAll")}
        </Button>
      </Empty>
    );
  return (
    <Empty title={t(show === "open" ? "queue.allQuiet" : "queue.noneYet")} icon={<IconChecks size={20} stroke={1.6} />}>
      <p>{t(show === "open" ? "queue.allQuietHint" : "queue.noneYetHint")}</p>
    </Empty>
  );
}
