import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { Ticket } from "../../api/model";
import type { Range } from "../../charts/SignalChart";
import { Glyph } from "../../components/marks";
import { pick } from "../../format/names";
import { millis } from "../../format/time";
import css from "./device.module.css";

/** Tickets as bars over the signals, from onset to closing, each in a lane where it overlaps no other. */
export function TicketStrip({ tickets, range, now }: { tickets: readonly Ticket[]; range: Range; now: number }) {
  const { t, i18n } = useTranslation();
  const length = range.to - range.from;
  const lanes: number[] = [];
  const bars = tickets
    .map((ticket) => ({ ticket, from: millis(ticket.onset_at) ?? 0, to: millis(ticket.closed_at) ?? now }))
    .filter((b) => b.to > range.from && b.from < range.to)
    .sort((a, b) => a.from - b.from)
    .map((bar) => {
      const found = lanes.findIndex((end) => end <= bar.from);
      const lane = found < 0 ? lanes.length : found;
      // A bar is at least as wide as its number is, so it takes up at least that much of its lane.
      lanes[lane] = Math.max(bar.to, bar.from + length * 0.09);
      return { ...bar, lane };
    });
  return (
    <div className={css["strip"]} style={{ height: Math.max(1, lanes.length) * 24 }} role="list" aria-label={t("device.strip")}>
      {bars.length === 0 && <span className={css["stripNone"]}>{t("device.stripNone")}</span>}
      {bars.map(({ ticket, from, to, lane }) => {
        const left = Math.max(0, (from - range.from) / length) * 100;
        const right = Math.min(1, (to - range.from) / length) * 100;
        return (
          <Link
            key={ticket.id}
            role="listitem"
            to={`/tickets/${encodeURIComponent(ticket.number)}`}
            className={`${css["bar"]} ${ticket.category === "done" ? css["done"] : ""}`}
            style={{ left: `min(${left}%, calc(100% - 24px))`, width: `${right - left}%`, top: lane * 24, ["--tone" as string]: `var(--${ticket.severity})`, ["--soft" as string]: `var(--${ticket.severity}-soft)` }}
            title={`${ticket.number} · ${pick(ticket.title, i18n.language)} · ${t(`severity.${ticket.severity}`)}`}
          >
            <Glyph shape={ticket.severity} size={11} />
            <span className="clip">
              {ticket.number} {pick(ticket.title, i18n.language)}
            </span>
          </Link>
        );
      })}
    </div>
  );
}
