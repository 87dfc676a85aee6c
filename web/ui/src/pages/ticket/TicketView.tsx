import { useQuery } from "@tanstack/react-query";
import { IconArrowBackUp, IconArrowsUpDown, IconHistory, IconRepeat } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { TicketDetail } from "../../api/model";
import { diagnosisQuery, ticketQuery } from "../../api/queries";
import { useComponentName } from "../../app/names";
import { Ago } from "../../components/Ago";
import { DeviceLink } from "../../components/DeviceLink";
import { Due } from "../../components/Due";
import { SeverityMark, StateMark, Tag } from "../../components/marks";
import { Facts, Section } from "../../components/Page";
import { Loading, Read } from "../../components/states";
import { deviceAndModel, pick } from "../../format/names";
import { percent } from "../../format/number";
import { day, millis } from "../../format/time";
import { Actions } from "./Actions";
import { Assignment } from "./Assignment";
import { Charts } from "./Charts";
import { EvidenceList } from "./EvidenceList";
import { History } from "./History";
import css from "./ticket.module.css";

interface Props {
  id: string;
  /** Beside the queue: one column. */
  compact?: boolean;
}

/** Everything about a ticket, in the order in which a technician asks: what, how sure, the picture, why, what next. */
export function TicketView({ id, compact = false }: Props) {
  const ticket = useQuery(ticketQuery(id));
  return (
    <article className={compact ? css["compact"] : css["full"]} data-testid="ticket">
      <Read query={ticket} rows={6}>
        {(data) => <Loaded ticket={data} id={id} />}
      </Read>
    </article>
  );
}

function Loaded({ ticket, id }: { ticket: TicketDetail; id: string }) {
  const { t, i18n } = useTranslation();
  const diagnosis = useQuery(diagnosisQuery(id));
  const component = useComponentName();
  const { facts } = ticket;
  return (
    <>
      <header className={css["head"]}>
        <div className={css["marks"]}>
          <SeverityMark severity={ticket.severity} />
          <span data-testid="ticket-state" data-state={ticket.state}>
            <StateMark state={ticket.state} category={ticket.category} />
          </span>
          <Tag>{t(`priority.${ticket.priority}`, { defaultValue: `P${ticket.priority}` })}</Tag>
          {ticket.occurrences > 1 && (
            <Tag>
              <IconRepeat size={12} aria-hidden="true" />
              {t("ticket.occurrences", { count: ticket.occurrences })}
            </Tag>
          )}
          {ticket.flap?.flapping && (
            <Tag tone="warning">
              <IconArrowsUpDown size={12} aria-hidden="true" />
              {t("ticket.flapping", { count: ticket.flap.times ?? 0 })}
            </Tag>
          )}
          {ticket.reopened > 0 && (
            <Tag tone="warning">
              <IconArrowBackUp size={12} aria-hidden="true" />
              {t("ticket.reopened", { count: ticket.reopened })}
            </Tag>
          )}
          {ticket.backfill && (
            <Tag>
              <IconHistory size={12} aria-hidden="true" />
              {t("ticket.backfill")}
            </Tag>
          )}
        </div>
        <h1 className={css["title"]}>{pick(ticket.title, i18n.language)}</h1>
        <p className={css["device"]}>
          <DeviceLink id={ticket.device} name={facts.device_name} />
          {[...deviceAndModel(facts.device_name || ticket.device, facts.model_name || facts.model).slice(1), component(ticket.component), facts.site_name].filter(Boolean).map((part) => (
            <span key={part}> · {part}</span>
          ))}
        </p>
      </header>

      <div className={css["lead"]}>
        {diagnosis.isPending ? (
          <Loading rows={1} />
        ) : (
          <p className={css["summary"]} data-testid="ticket-summary">
            {pick(diagnosis.data?.summary, i18n.language) || pick(ticket.title, i18n.language)}
          </p>
        )}
        <dl className={css["key"]}>
          <div>
            <dt>{t("ticket.onset")}</dt>
            <dd>
              <Ago at={ticket.onset_at} zone={facts.time_zone} />
            </dd>
          </div>
          <div>
            <dt>{t("ticket.opened")}</dt>
            <dd>
              <Ago at={ticket.opened_at} zone={facts.time_zone} />
            </dd>
          </div>
          {ticket.cleared_at && (
            <div>
              <dt>{t("ticket.cleared")}</dt>
              <dd>
                <Ago at={ticket.cleared_at} zone={facts.time_zone} />
              </dd>
            </div>
          )}
          <div>
            <dt>{ticket.closed_at ? t("state.closed") : t("queue.due")}</dt>
            <dd>
              {ticket.closed_at ? <Ago at={ticket.closed_at} zone={facts.time_zone} /> : <Due at={ticket.deadline} zone={facts.time_zone} />}
            </dd>
          </div>
          {diagnosis.data && (
            <div>
              <dt>{t("ticket.confidence")}</dt>
              <dd className={css["confidence"]}>
                <Meter value={diagnosis.data.confidence} />
                {percent(diagnosis.data.confidence, i18n.language)}
              </dd>
            </div>
          )}
        </dl>
        <Actions ticket={ticket} id={id} />
      </div>

      <div className={css["main"]}>
        <Read query={diagnosis} rows={5}>
          {(data) => (
            <>
              <Section title={t("ticket.picture")}>
                <Charts ticket={ticket} diagnosis={data} />
              </Section>
              <Section title={t("ticket.why")}>
                <EvidenceList diagnosis={data} />
              </Section>
            </>
          )}
        </Read>
        <Section title={t("ticket.history")}>
          <History ticket={ticket} id={id} />
        </Section>
      </div>

      <aside className={css["rail"]}>
        {(diagnosis.data?.bring?.length ?? 0) > 0 && (
          <Section title={t("ticket.bring")}>
            <ul className={css["bring"]}>
              {diagnosis.data?.bring?.map((part) => (
                <li key={part}>{part}</li>
              ))}
            </ul>
          </Section>
        )}
        <Section title={t("ticket.desk")}>
          <Assignment ticket={ticket} id={id} />
        </Section>
        <Section title={t("ticket.facts")}>
          <DeviceFacts ticket={ticket} />
        </Section>
      </aside>
    </>
  );
}

function DeviceFacts({ ticket }: { ticket: TicketDetail }) {
  const { t, i18n } = useTranslation();
  const { facts } = ticket;
  const purchased = millis(facts.purchased);
  const tone = facts.warranty === "in" ? "ok" : facts.warranty === "out" ? "warning" : undefined;
  return (
    <Facts
      facts={[
        [t("device.customer"), facts.customer_name && <>{facts.customer_name} {facts.customer_tier && <Tag>{t(`tier.${facts.customer_tier}`, { defaultValue: facts.customer_tier })}</Tag>}</>],
        [t("device.site"), facts.site_name || facts.site],
        [t("device.zone"), facts.time_zone],
        [t("device.model"), facts.model_name || facts.model],
        [t("device.firmware"), facts.firmware && <span className="mono">{facts.firmware}</span>],
        [t("device.serial"), facts.serial && <span className="mono">{facts.serial}</span>],
        [t("device.purchased"), purchased === null ? "" : day(purchased, i18n.language)],
        [t("device.warranty"), facts.warranty && <Tag tone={tone}>{t(`warranty.${facts.warranty}`, { defaultValue: facts.warranty })}</Tag>],
        [t("ticket.fault"), <span key="f" className="mono">{ticket.fault_code}</span>],
        [t("ticket.priorityWhy"), pick(ticket.priority_reason, i18n.language)],
        [t("ticket.previous"), ticket.previous_id && <Link key="p" className="link" to={`/tickets/${encodeURIComponent(ticket.previous_id)}`}>{t("ticket.previousLink")}</Link>],
        [t("ticket.past"), <Link key="d" className="link" to={`/tickets?show=all&sort=opened&device=${encodeURIComponent(ticket.device)}`}>{t("ticket.pastLink")}</Link>],
      ]}
    />
  );
}

/** A fraction as a short bar. The number stands beside it. */
export function Meter({ value, width = 46 }: { value: number; width?: number }) {
  return (
    <span className={css["meter"]} style={{ width }} aria-hidden="true">
      <span style={{ width: `${Math.max(0, Math.min(1, value)) * 100}%` }} />
    </span>
  );
}
