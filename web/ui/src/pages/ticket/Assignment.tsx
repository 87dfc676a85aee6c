import { Button, Collapse, Menu } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconChevronDown, IconUserPlus, IconWand } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { post } from "../../api/client";
import type { Candidate, TicketDetail } from "../../api/model";
import { historyQuery, techniciansQuery } from "../../api/queries";
import { useNames } from "../../app/names";
import { Facts } from "../../components/Page";
import { Tag } from "../../components/marks";
import { describe } from "../../components/states";
import { pick } from "../../format/names";
import { percent } from "../../format/number";
import css from "./ticket.module.css";
import { Meter } from "./TicketView";

/** Who has the ticket, why they, who else was considered; and, for those who may, giving it to somebody else. */
export function Assignment({ ticket, id }: { ticket: TicketDetail; id: string }) {
  const { t, i18n } = useTranslation();
  const nameOf = useNames();
  const history = useQuery(historyQuery(id));
  const [open, setOpen] = useState(false);
  const dispatch = history.data?.findLast((e) => e.dispatch)?.dispatch;
  const candidates = (dispatch?.candidates ?? []).toSorted((a, b) => Number(Boolean(a.excluded)) - Number(Boolean(b.excluded)) || b.score - a.score);
  return (
    <div className={css["assignment"]}>
      <Facts
        facts={[
          [t("ticket.assignee"), ticket.assignee ? <b data-testid="ticket-assignee">{ticket.assignee_name || ticket.assignee}</b> : <span className={css["nobody"]}>{t("queue.nobody")}</span>],
          [t("ticket.station"), ticket.station_name || ticket.station],
          [t("ticket.region"), ticket.region_name || ticket.region],
        ]}
      />
      {dispatch && <p className={css["dispatchReason"]}>{pick(dispatch.reason, i18n.language)}</p>}
      <div className={css["assignBar"]}>
        <Assign ticket={ticket} id={id} />
        {candidates.length > 0 && (
          <Button size="compact-xs" variant="subtle" color="gray" rightSection={<IconChevronDown size={13} style={{ transform: open ? "rotate(180deg)" : "none" }} />} onClick={() => setOpen(!open)} aria-expanded={open}>
            {t("ticket.candidates", { count: candidates.length })}
          </Button>
        )}
      </div>
      <Collapse expanded={open}>
        <ul className={css["candidates"]}>
          {candidates.map((c) => (
            <CandidateLine key={c.technician} candidate={c} chosen={c.technician === dispatch?.technician} station={nameOf("station", c.station)} />
          ))}
        </ul>
      </Collapse>
    </div>
  );
}

function CandidateLine({ candidate, chosen, station }: { candidate: Candidate; chosen: boolean; station: string }) {
  const { t, i18n } = useTranslation();
  return (
    <li className={candidate.excluded ? css["excluded"] : ""}>
      <div className={css["candidateHead"]}>
        <span className="clip">
          {candidate.name || candidate.technician} <span className="dim">{station}</span>
        </span>
        {chosen && <Tag tone="accent">{t("ticket.chosen")}</Tag>}
        {candidate.excluded ? (
          <Tag tone="warning">{t(`excluded.${candidate.excluded}`, { defaultValue: candidate.excluded })}</Tag>
        ) : (
          <span className="num">{percent(candidate.score, i18n.language)}</span>
        )}
      </div>
      {!candidate.excluded && candidate.parts && (
        <div className={css["parts"]}>
          {Object.entries(candidate.parts).map(([part, value]) => (
            <span key={part}>
              {t(`criterion.${part}`, { defaultValue: part })} <Meter value={value} width={28} />
            </span>
          ))}
        </div>
      )}
    </li>
  );
}

function Assign({ ticket, id }: { ticket: TicketDetail; id: string }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const action = ticket.actions.find((a) => a.kind === "assign");
  const technicians = useQuery({ ...techniciansQuery, enabled: Boolean(action?.allowed) });
  const assign = useMutation({
    mutationFn: (technician: string) => post<TicketDetail>(`/tickets/${encodeURIComponent(id)}/assign`, { technician, revision: ticket.revision }),
    onSuccess: (data) => {
      client.setQueryData(["ticket", id, "detail"], data);
      void client.invalidateQueries({ queryKey: ["ticket", id] });
      void client.invalidateQueries({ queryKey: ["tickets"] });
    },
    onError: (error) => {
      notifications.show({ color: "red", title: t("states.failed"), message: describe(error) });
      void client.invalidateQueries({ queryKey: ["ticket", id] });
    },
  });
  if (!action?.allowed) return null;
  const here = (technicians.data ?? []).filter((p) => !p.inactive);
  const near = here.filter((p) => p.station === ticket.station);
  const far = here.filter((p) => p.station !== ticket.station);
  return (
    <Menu width={230} position="bottom-start">
      <Menu.Target>
        <Button size="compact-xs" variant="default" leftSection={<IconUserPlus size={13} />} loading={assign.isPending} data-testid="assign">
          {t("ticket.assign")}
        </Button>
      </Menu.Target>
      <Menu.Dropdown mah={340} style={{ overflowY: "auto" }}>
        <Menu.Item leftSection={<IconWand size={14} />} onClick={() => assign.mutate("")}>
          {t("ticket.assignAuto")}
        </Menu.Item>
        {near.length > 0 && <Menu.Label>{ticket.station_name || ticket.station}</Menu.Label>}
        {near.map((p) => (
          <Menu.Item key={p.id} onClick={() => assign.mutate(p.id)} disabled={p.id === ticket.assignee}>
            {p.name}
          </Menu.Item>
        ))}
        {far.length > 0 && <Menu.Label>{t("ticket.elsewhere")}</Menu.Label>}
        {far.map((p) => (
          <Menu.Item key={p.id} onClick={() => assign.mutate(p.id)} disabled={p.id === ticket.assignee}>
            {p.name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
