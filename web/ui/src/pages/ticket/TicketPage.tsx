import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useParams } from "react-router";
import { IconChevronRight } from "@tabler/icons-react";
import { ticketQuery } from "../../api/queries";
import { useShortcuts } from "../../app/shortcuts";
import { useTab } from "../../components/Page";
import { pick } from "../../format/names";
import css from "./ticket.module.css";
import { TicketView } from "./TicketView";

/** A ticket on a page of its own. */
export function TicketPage() {
  const { id = "" } = useParams();
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const ticket = useQuery(ticketQuery(id)).data;
  useTab(ticket ? `${ticket.number} ${pick(ticket.title, i18n.language)}` : id);
  useShortcuts({ Escape: () => void navigate("/tickets") });
  return (
    <>
      <nav className={css["crumbs"]} aria-label={t("nav.crumbs")}>
        <Link to="/tickets">{t("nav.queue")}</Link>
        <IconChevronRight size={13} aria-hidden="true" />
        <span aria-current="page" className="mono">
          {ticket?.number ?? id}
        </span>
      </nav>
      <TicketView key={id} id={id} />
    </>
  );
}
