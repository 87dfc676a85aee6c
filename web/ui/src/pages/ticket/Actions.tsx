import { Button, Modal, Select, Textarea } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconInfoCircle } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { post, Problem } from "../../api/client";
import type { Action, TicketDetail } from "../../api/model";
import { useMe } from "../../app/session";
import { describe } from "../../components/states";
import { pick } from "../../format/names";
import css from "./ticket.module.css";

interface Move {
  note?: string;
  resolution?: string;
}

/** What the person may do with the ticket as buttons, and in words why the rest is not theirs to do. */
export function Actions({ ticket, id }: { ticket: TicketDetail; id: string }) {
  const { t, i18n } = useTranslation();
  const me = useMe();
  const client = useQueryClient();
  const [asking, setAsking] = useState<Action | null>(null);

  const act = useMutation({
    mutationFn: ({ action, move }: { action: Action; move: Move }) => {
      const path = `/tickets/${encodeURIComponent(id)}`;
      if (action.kind === "take") return post<TicketDetail>(`${path}/assign`, { technician: me.technician ?? "", revision: ticket.revision });
      return post<TicketDetail>(`${path}/transitions`, { to: action.to, revision: ticket.revision, ...move });
    },
    onSuccess: (data) => {
      setAsking(null);
      client.setQueryData(["ticket", id, "detail"], data);
      void client.invalidateQueries({ queryKey: ["ticket", id, "history"] });
      void client.invalidateQueries({ queryKey: ["tickets"] });
    },
    onError: (error) => {
      const conflict = error instanceof Problem && error.status === 409;
      notifications.show({ color: "red", title: t(conflict ? "ticket.conflict" : "states.failed"), message: conflict ? t("ticket.conflictHint") : describe(error) });
      void client.invalidateQueries({ queryKey: ["ticket", id] });
    },
  });

  const moves = ticket.actions.filter((a) => a.kind === "transition" || a.kind === "take");
  const allowed = moves.filter((a) => a.allowed);
  const denied = moves.filter((a) => !a.allowed);
  const start = (action: Action) => {
    if ((action.require?.length ?? 0) > 0) setAsking(action);
    else act.mutate({ action, move: {} });
  };
  const name = (action: Action) => pick(action.label, i18n.language) || action.to || action.kind;
  const key = (action: Action) => (action.kind === "take" ? "take" : (action.to ?? ""));

  if (moves.length === 0) return null;
  return (
    <div className={css["actions"]} role="group" aria-label={t("ticket.actions")}>
      {allowed.map((action, i) => (
        <Button
          key={key(action)}
          variant={i === 0 ? "filled" : "default"}
          onClick={() => start(action)}
          loading={act.isPending && act.variables.action === action}
          disabled={act.isPending}
          data-testid={`action-${key(action)}`}
        >
          {name(action)}
        </Button>
      ))}
      {denied.length > 0 && (
        <details className={css["denied"]} open={allowed.length === 0}>
          <summary>
            <IconInfoCircle size={14} stroke={1.7} aria-hidden="true" />
            {t("ticket.denied", { count: denied.length })}
          </summary>
          <ul>
            {denied.map((action) => (
              <li key={key(action)} data-testid={`denied-${key(action)}`}>
                <b>{name(action)}</b> {pick(action.why, i18n.language)}
              </li>
            ))}
          </ul>
        </details>
      )}
      {asking && (
        <Ask
          action={asking}
          title={name(asking)}
          resolutions={ticket.resolutions}
          busy={act.isPending}
          onClose={() => setAsking(null)}
          onDone={(move) => act.mutate({ action: asking, move })}
        />
      )}
    </div>
  );
}

interface AskProps {
  action: Action;
  title: string;
  resolutions: readonly string[];
  busy: boolean;
  onClose: () => void;
  onDone: (move: Move) => void;
}

/** Asks for what a step requires before it is made. */
function Ask({ action, title, resolutions, busy, onClose, onDone }: AskProps) {
  const { t } = useTranslation();
  const [note, setNote] = useState("");
  const [resolution, setResolution] = useState<string | null>(null);
  const needNote = action.require?.includes("note") ?? false;
  const needResolution = action.require?.includes("resolution") ?? false;
  const complete = (!needNote || note.trim() !== "") && (!needResolution || resolution !== null);
  return (
    <Modal opened onClose={onClose} title={title} size="sm" closeButtonProps={{ "aria-label": t("help.close") }}>
      <form
        className={css["ask"]}
        onSubmit={(e) => {
          e.preventDefault();
          onDone({ ...(note.trim() ? { note: note.trim() } : {}), ...(resolution ? { resolution } : {}) });
        }}
      >
        {needResolution && (
          <Select
            label={t("ticket.resolution")}
            data={resolutions.map((value) => ({ value, label: t(`resolution.${value}`, { defaultValue: value }) }))}
            value={resolution}
            onChange={setResolution}
            required
            data-autofocus
            data-testid="resolution"
          />
        )}
        <Textarea
          label={t("ticket.note")}
          value={note}
          onChange={(e) => setNote(e.currentTarget.value)}
          required={needNote}
          autosize
          minRows={3}
          maxLength={4000}
          {...(needResolution ? {} : { "data-autofocus": true })}
        />
        <div className={css["askBar"]}>
          <Button variant="default" onClick={onClose}>
            {t("states.cancel")}
          </Button>
          <Button type="submit" disabled={!complete} loading={busy} data-testid="confirm">
            {title}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
