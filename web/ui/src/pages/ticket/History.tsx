import { Button, Textarea } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import {
  IconAlertTriangle,
  IconArrowBackUp,
  IconArrowRight,
  IconArrowsUpDown,
  IconBan,
  IconCheck,
  IconCircleDot,
  IconMessage,
  IconPlus,
  IconTool,
  IconUserCheck,
  IconWaveSawTool,
} from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type ComponentType } from "react";
import { useTranslation } from "react-i18next";
import { post } from "../../api/client";
import type { Entry, TicketDetail } from "../../api/model";
import { historyQuery } from "../../api/queries";
import { useNames, useStateName } from "../../app/names";
import { Ago } from "../../components/Ago";
import { describe, Read } from "../../components/states";
import { pick } from "../../format/names";
import { duration, SECOND } from "../../format/time";
import css from "./ticket.module.css";

const icons: Record<string, ComponentType<{ size?: number; stroke?: number }>> = {
  opened: IconPlus,
  evidence: IconWaveSawTool,
  severity: IconAlertTriangle,
  assigned: IconUserCheck,
  transition: IconArrowRight,
  comment: IconMessage,
  cleared: IconCheck,
  reopened: IconArrowBackUp,
  closed: IconCheck,
  refused: IconBan,
  held: IconTool,
  flapping: IconArrowsUpDown,
  steady: IconArrowsUpDown,
};

/** What happened to the ticket, newest first, with a field to add to it. */
export function History({ ticket, id }: { ticket: TicketDetail; id: string }) {
  const { t, i18n } = useTranslation();
  const history = useQuery(historyQuery(id));
  const comment = ticket.actions.find((a) => a.kind === "comment");
  return (
    <div>
      {comment?.allowed ? (
        <Comment id={id} />
      ) : (
        comment && <p className="dim">{pick(comment.why, i18n.language)}</p>
      )}
      <Read query={history} rows={3}>
        {(entries) => (
          <ol className={css["timeline"]} data-testid="history" aria-label={t("ticket.history")}>
            {entries.toReversed().map((entry) => (
              <Line key={entry.id} entry={entry} zone={ticket.facts.time_zone} />
            ))}
          </ol>
        )}
      </Read>
    </div>
  );
}

function Line({ entry, zone }: { entry: Entry; zone: string | undefined }) {
  const { t, i18n } = useTranslation();
  const nameOf = useNames();
  const stateName = useStateName();
  const Icon = icons[entry.kind] ?? IconCircleDot;
  const name = (value: string | undefined) => {
    if (!value) return "–";
    if (entry.kind === "severity") return t(`severity.${value as "info"}`, { defaultValue: value });
    if (entry.kind === "assigned") return nameOf("assignee", value);
    return stateName(value);
  };
  return (
    <li className={css["entry"]} data-kind={entry.kind}>
      <span className={css["entryIcon"]}>
        <Icon size={13} stroke={1.8} />
      </span>
      <div>
        <p>
          <b>{entry.actor === "presage" ? "Presage" : entry.actor}</b>{" "}
          {t(`history.${entry.kind}`, { from: name(entry.from), to: name(entry.to), count: entry.times ?? 0, span: duration((entry.seconds ?? 0) * SECOND, i18n.language), defaultValue: entry.kind })}
          <span className={css["when"]}>
            <Ago at={entry.at} zone={zone} />
          </span>
        </p>
        {entry.note && <p className={css["note"]}>{entry.note}</p>}
        {entry.dispatch && <p className="dim">{pick(entry.dispatch.reason, i18n.language)}</p>}
        {entry.rule && (
          <p className="dim">
            {t("history.rule")} <span className="mono">{entry.rule}</span>
          </p>
        )}
      </div>
    </li>
  );
}

function Comment({ id }: { id: string }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [text, setText] = useState("");
  const send = useMutation({
    mutationFn: () => post(`/tickets/${encodeURIComponent(id)}/comments`, { text: text.trim() }),
    onSuccess: () => {
      setText("");
      void client.invalidateQueries({ queryKey: ["ticket", id] });
    },
    onError: (error) => notifications.show({ color: "red", title: t("states.failed"), message: describe(error) }),
  });
  const submit = () => text.trim() !== "" && !send.isPending && send.mutate();
  return (
    <form
      className={css["comment"]}
      onSubmit={(e) => {
        e.preventDefault();
        submit();
      }}
    >
      <Textarea
        autosize
        minRows={1}
        maxRows={8}
        maxLength={4000}
        value={text}
        onChange={(e) => setText(e.currentTarget.value)}
        onKeyDown={(e) => {
          if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) submit();
        }}
        placeholder={t("ticket.comment")}
        aria-label={t("ticket.comment")}
        data-testid="comment"
      />
      <Button type="submit" variant="default" disabled={text.trim() === ""} loading={send.isPending}>
        {t("ticket.send")}
      </Button>
    </form>
  );
}
