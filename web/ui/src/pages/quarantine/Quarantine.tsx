import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconRefresh, IconShieldCheck, IconTrash } from "@tabler/icons-react";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { post, remove } from "../../api/client";
import type { QuarantineEntry } from "../../api/model";
import { quarantineQuery } from "../../api/queries";
import { useMay } from "../../app/session";
import { Ago } from "../../components/Ago";
import { Tag } from "../../components/marks";
import { More, Page } from "../../components/Page";
import { describe, Empty, Read } from "../../components/states";
import { humanise } from "../../format/names";
import { bytes } from "../../format/number";
import css from "./quarantine.module.css";

/** Payloads that could not be read, with the reason, to be tried again after the cause was mended. */
export function Quarantine() {
  const { t } = useTranslation();
  const query = useInfiniteQuery(quarantineQuery);
  const rows = query.data?.pages.flatMap((p) => p.entries ?? []) ?? [];
  return (
    <Page
      title={t("nav.quarantine")}
      sub={t("quarantine.sub")}
      actions={
        <Button variant="default" leftSection={<IconRefresh size={14} />} onClick={() => void query.refetch()} loading={query.isRefetching}>
          {t("states.refresh")}
        </Button>
      }
    >
      <Read query={query}>
        {() =>
          rows.length === 0 ? (
            <Empty title={t("quarantine.none")} icon={<IconShieldCheck size={20} stroke={1.6} />}>
              <p>{t("quarantine.noneHint")}</p>
            </Empty>
          ) : (
            <>
              <ul className={css["list"]}>
                {rows.map((entry) => (
                  <Item key={entry.id} entry={entry} />
                ))}
              </ul>
              <More query={query} />
            </>
          )
        }
      </Read>
    </Page>
  );
}

function Item({ entry }: { entry: QuarantineEntry }) {
  const { t, i18n } = useTranslation();
  const may = useMay();
  const client = useQueryClient();
  const settled = {
    onSettled: () => void client.invalidateQueries({ queryKey: ["quarantine"] }),
    onError: (error: unknown) => notifications.show({ color: "red", title: t("quarantine.still"), message: describe(error) }),
  };
  const path = `/quarantine/${encodeURIComponent(entry.id)}`;
  const retry = useMutation({
    mutationFn: () => post(`${path}/retry`),
    onSuccess: () => notifications.show({ title: t("quarantine.taken"), message: entry.topic }),
    ...settled,
  });
  const discard = useMutation({ mutationFn: () => remove(path), ...settled });
  const payload = entry.text ?? (entry.bytes ? hex(entry.bytes) : "");
  return (
    <li className={css["item"]}>
      <div className={css["head"]}>
        <Tag tone="critical">{t(`rejected.${entry.reason}`, { defaultValue: humanise(entry.reason) })}</Tag>
        <span className="mono clip">{entry.topic}</span>
        {entry.device && (
          <Link className="link" to={`/devices/${encodeURIComponent(entry.device)}`}>
            {entry.device}
          </Link>
        )}
        <span className={css["right"]}>
          <span className="dim num">{bytes(entry.size, i18n.language)}</span>
          <Ago at={entry.arrived_at} />
        </span>
      </div>
      <p className={css["detail"]}>{entry.detail}</p>
      {payload && (
        <details className={css["payload"]}>
          <summary className="mono">{payload.slice(0, 160)}</summary>
          <pre>{payload}</pre>
        </details>
      )}
      <div className={css["bar"]}>
        {entry.truncated && <span className="dim">{t("quarantine.truncated")}</span>}
        {may("retry-quarantine") && (
          <Button size="compact-xs" variant="default" leftSection={<IconRefresh size={13} />} onClick={() => retry.mutate()} loading={retry.isPending} disabled={entry.truncated}>
            {t("quarantine.retry")}
          </Button>
        )}
        {may("delete-quarantine") && (
          <Button size="compact-xs" variant="subtle" color="red" leftSection={<IconTrash size={13} />} onClick={() => discard.mutate()} loading={discard.isPending}>
            {t("quarantine.discard")}
          </Button>
        )}
      </div>
    </li>
  );
}

/** Bytes in pairs of hexadecimal digits, from base64. */
function hex(base64: string): string {
  return Array.from(atob(base64), (c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join(" ");
}
