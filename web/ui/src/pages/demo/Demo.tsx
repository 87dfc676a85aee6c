import { Button, Menu } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconBolt, IconCheck, IconChevronDown, IconPhoneCall } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { post } from "../../api/client";
import type { DemoBoard, DemoFault } from "../../api/model";
import { demoQuery } from "../../api/queries";
import { useComponentName, useNames } from "../../app/names";
import { useNow } from "../../app/now";
import { useMay } from "../../app/session";
import { Ago } from "../../components/Ago";
import { Body, Page, Section, Table } from "../../components/Page";
import { describe, Empty, Read } from "../../components/states";
import { pick } from "../../format/names";
import { count, percent } from "../../format/number";
import { millis, precise } from "../../format/time";
import css from "./demo.module.css";

/** How the demonstration does against the faults that it declared itself. */
export function Demo() {
  const { t } = useTranslation();
  const may = useMay();
  const board = useQuery(demoQuery);
  return (
    <Page title={t("nav.demo")} sub={t("demo.sub")} actions={may("inject-fault") && board.data ? <Inject board={board.data} /> : null}>
      <Read query={board}>
        {(data) =>
          data === null ? (
            <Empty title={t("demo.off")}>
              <p>{t("demo.offHint")}</p>
            </Empty>
          ) : (
            <Body>
              <Figures board={data} />
              <Section title={t("demo.faults")} note={t("demo.legend")}>
                {data.faults.length === 0 ? <Empty title={t("demo.none")} /> : <Faults faults={data.faults} />}
              </Section>
            </Body>
          )
        }
      </Read>
    </Page>
  );
}

function Figures({ board }: { board: DemoBoard }) {
  const { t, i18n } = useTranslation();
  const lead = board.median_lead_s;
  return (
    <dl className={css["figures"]}>
      <div>
        <dt>{t("demo.injected")}</dt>
        <dd>{count(board.injected, i18n.language)}</dd>
      </div>
      <div>
        <dt>{t("demo.ticketed")}</dt>
        <dd>
          {count(board.ticketed, i18n.language)}
          {board.injected > 0 && <small>{percent(board.ticketed / board.injected, i18n.language)}</small>}
        </dd>
      </div>
      <div>
        <dt>{t("demo.lead")}</dt>
        <dd>{lead === null ? "–" : precise(lead * 1000, i18n.language)}</dd>
      </div>
      <div>
        <dt>{t("demo.false")}</dt>
        <dd className={board.false_tickets > 0 ? css["bad"] : ""}>{count(board.false_tickets, i18n.language)}</dd>
      </div>
    </dl>
  );
}

function Faults({ faults }: { faults: readonly DemoFault[] }) {
  const { t, i18n } = useTranslation();
  const component = useComponentName();
  const nameOf = useNames();
  return (
    <div className={css["list"]}>
      <Table
        label={t("demo.faults")}
        head={
          <>
            <th>{t("queue.fault")}</th>
            <th>{t("fleet.device")}</th>
            <th className="num">{t("demo.since")}</th>
            <th>{t("demo.race")}</th>
            <th className="num">{t("demo.leadOne")}</th>
            <th>{t("queue.ticket")}</th>
          </>
        }
      >
        {faults.map((f) => (
          <tr key={f.id} data-testid="demo-fault" data-kind={f.kind}>
            <td className="wide">
              <b className={css["title"]}>{pick(f.title, i18n.language)}</b>
              <div className="dim">{component(f.component)}</div>
            </td>
            <td>
              <Link className="link" to={`/devices/${encodeURIComponent(f.device)}`}>
                {f.device}
              </Link>
              <div className="dim">{nameOf("model", f.model)}</div>
            </td>
            <td className="num" data-label={t("demo.since")}>
              <Ago at={f.injected_at} />
            </td>
            <td className="wide">
              <Race fault={f} />
            </td>
            <td className="num" data-label={t("demo.leadOne")}>
              {f.lead_s === undefined ? <span className="dim">–</span> : precise(f.lead_s * 1000, i18n.language)}
            </td>
            <td>
              {f.ticket_number || f.ticket ? (
                <Link className="link" to={`/tickets/${encodeURIComponent(f.ticket_number ?? f.ticket ?? "")}`}>
                  {f.ticket_number ?? t("findings.ticket")}
                </Link>
              ) : (
                <span className="dim">{t(f.caught ? "findings.noTicket" : "demo.watching")}</span>
              )}
            </td>
          </tr>
        ))}
      </Table>
    </div>
  );
}

/** The race between the ticket and the customer's call, from the fault on. */
function Race({ fault }: { fault: DemoFault }) {
  const { t } = useTranslation();
  const now = useNow();
  const start = millis(fault.injected_at) ?? 0;
  const call = millis(fault.expected_call_at) ?? start + 1;
  const ticket = millis(fault.ticketed_at);
  const length = Math.max(call, ticket ?? 0) - start || 1;
  const at = (ms: number) => `${Math.max(0, Math.min(1, (ms - start) / length)) * 100}%`;
  return (
    <div className={css["race"]} role="img" aria-label={t(ticket === null ? "demo.raceOpen" : "demo.raceDone")}>
      <span className={css["track"]} />
      <span className={css["elapsed"]} style={{ width: at(ticket ?? Math.min(now, call)) }} />
      {ticket !== null && <span className={css["saved"]} style={{ left: at(ticket), right: `calc(100% - ${at(call)})` }} />}
      {ticket !== null && (
        <span className={css["mark"]} style={{ left: at(ticket) }}>
          <IconCheck size={11} stroke={3} />
        </span>
      )}
      <span className={`${css["mark"]} ${css["call"]}`} style={{ left: at(call) }}>
        <IconPhoneCall size={11} stroke={2} />
      </span>
    </div>
  );
}

function Inject({ board }: { board: DemoBoard }) {
  const { t, i18n } = useTranslation();
  const client = useQueryClient();
  const inject = useMutation({
    mutationFn: (kind: string) => post<DemoFault>("/demo/faults", { kind }),
    onSuccess: (fault) => {
      notifications.show({ title: t("demo.started"), message: `${pick(fault.title, i18n.language)} · ${fault.device}` });
      void client.invalidateQueries({ queryKey: ["demo"] });
    },
    onError: (error) => notifications.show({ color: "red", title: t("states.failed"), message: describe(error) }),
  });
  if (board.kinds.length === 0) return null;
  return (
    <Menu width={250} position="bottom-end">
      <Menu.Target>
        <Button leftSection={<IconBolt size={14} />} rightSection={<IconChevronDown size={13} />} loading={inject.isPending} data-testid="inject">
          {t("demo.inject")}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {board.kinds.map((k) => (
          <Menu.Item key={k.kind} onClick={() => inject.mutate(k.kind)} data-testid={`inject-${k.kind}`}>
            {pick(k.title, i18n.language) || k.kind}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
