import { IconArrowsUpDown } from "@tabler/icons-react";
import { memo } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { Ticket, TicketRow } from "../../api/model";
import { Ago } from "../../components/Ago";
import { Due } from "../../components/Due";
import { SeverityMark, StateMark } from "../../components/marks";
import { cohortOf, deviceAndModel, pick } from "../../format/names";
import { duration, millis } from "../../format/time";
import css from "./queue.module.css";

interface Props {
  ticket: TicketRow;
  station: string;
  assignee: string;
  selected: boolean;
  /** Where the keyboard is. */
  current: boolean;
  fresh: boolean;
  gone: boolean;
  onOpen: (ticket: Ticket) => void;
}

/** One ticket of the queue: a line where there is room for one, a card where not. */
export const Row = memo(function Row({ ticket, station, assignee, selected, current, fresh, gone, onOpen }: Props) {
  const { t, i18n } = useTranslation();
  const cohort = cohortOf(ticket.device);
  const { facts } = ticket;
  const done = ticket.category === "done";
  const lasted = (millis(ticket.closed_at) ?? 0) - (millis(ticket.onset_at) ?? 0);
  const classes = [css["row"], selected && css["selected"], current && css["current"], fresh && css["fresh"], gone && css["gone"]];
  return (
    <li className={`${css["item"]} ${fresh ? css["arriving"] : ""}`}>
      <Link
        to={`/tickets/${encodeURIComponent(ticket.number)}`}
        className={classes.filter(Boolean).join(" ")}
        data-testid="ticket-row"
        data-id={ticket.id}
        data-number={ticket.number}
        data-state={ticket.state}
        data-device={ticket.device}
        aria-current={selected ? "true" : undefined}
        onClick={(e) => {
          if (e.metaKey || e.ctrlKey || e.shiftKey) return;
          e.preventDefault();
          onOpen(ticket);
        }}
      >
        <span className={css["severity"]}>
          <SeverityMark severity={ticket.severity} />
        </span>
        <span className={css["number"]}>
          {fresh && <span className={css["dot"]} role="img" aria-label={t("queue.fresh")} />}
          {ticket.number}
        </span>
        <span className={css["what"]}>
          <span className={`${css["title"]} clip`}>
            {pick(ticket.title, i18n.language)}
            {ticket.occurrences > 1 && <span className={css["times"]}>×{ticket.occurrences}</span>}
            {ticket.flap?.flapping && <IconArrowsUpDown className={css["times"]} size={12} role="img" aria-label={t("ticket.flapping", { count: ticket.flap.times ?? 0 })} />}
          </span>
          {ticket.reason && (
            <span className={`${css["reason"]} clip`} data-testid="ticket-reason" title={pick(ticket.reason, i18n.language)}>
              {pick(ticket.reason, i18n.language)}
            </span>
          )}
          <span className={`${css["device"]} clip`}>
            {[...deviceAndModel(cohort ? t("device.cohort", { model: cohort.model }) : facts.device_name || ticket.device, facts.model_name || facts.model), facts.customer_name].filter(Boolean).join(" · ")}
          </span>
        </span>
        <span className={css["since"]}>
          <span className={css["small"]}>{t(done ? "queue.lasted" : "queue.since")} </span>
          {done ? duration(lasted, i18n.language) : <Ago at={ticket.onset_at} zone={facts.time_zone} as="since" />}
        </span>
        <span className={css["due"]}>{done ? <Ago at={ticket.closed_at} zone={facts.time_zone} /> : <Due at={ticket.deadline} zone={facts.time_zone} />}</span>
        <span className={css["where"]}>
          <span className="clip">{assignee || (done ? "–" : <em className={css["nobody"]}>{t("queue.nobody")}</em>)}</span>
          <span className="clip dim">{station}</span>
        </span>
        <span className={css["stage"]}>
          <StateMark state={ticket.state} category={ticket.category} />
        </span>
      </Link>
    </li>
  );
});
