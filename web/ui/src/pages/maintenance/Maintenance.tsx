import { Button, SegmentedControl } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconPlus, IconTool } from "@tabler/icons-react";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { post } from "../../api/client";
import type { MaintenanceWindow } from "../../api/model";
import { maintenanceQuery } from "../../api/queries";
import { useAddress } from "../../app/address";
import { useComponentName, useNames } from "../../app/names";
import { useMay, useMe } from "../../app/session";
import { Ago } from "../../components/Ago";
import { Tag } from "../../components/marks";
import { More, Page, Table } from "../../components/Page";
import { describe, Empty, Read } from "../../components/states";
import { exact, millis, viewerZone } from "../../format/time";
import { Announce } from "./Announce";
import css from "./maintenance.module.css";
import { scopeOf } from "./scope";

const statuses = ["", "running", "planned", "over"] as const;

/** Announced work on devices, during which faults open no tickets. */
export function Maintenance() {
  const { t } = useTranslation();
  const may = useMay();
  const [params, change] = useAddress();
  const status = params.get("status") ?? "";
  const device = params.get("device") ?? "";
  const query = useInfiniteQuery(maintenanceQuery({ status, device }));
  const rows = query.data?.pages.flatMap((p) => p.windows ?? []) ?? [];
  const [form, setForm] = useState<MaintenanceWindow | "new" | null>(params.get("announce") ? "new" : null);
  return (
    <Page
      title={t("nav.maintenance")}
      sub={t("maintenance.sub")}
      actions={
        <>
          <SegmentedControl
            value={status}
            onChange={(v) => change({ status: v || null })}
            data={statuses.map((value) => ({ value, label: t(`maintenance.status.${value || "all"}`) }))}
            aria-label={t("maintenance.statusLabel")}
          />
          {may("create-maintenance") && (
            <Button leftSection={<IconPlus size={14} />} onClick={() => setForm("new")} data-testid="announce">
              {t("maintenance.announce")}
            </Button>
          )}
        </>
      }
    >
      <Read query={query}>
        {() =>
          rows.length === 0 ? (
            <Empty title={t("maintenance.none")} icon={<IconTool size={20} stroke={1.6} />}>
              <p>{t("maintenance.noneHint")}</p>
            </Empty>
          ) : (
            <div className={css["list"]}>
              <Table
                label={t("nav.maintenance")}
                head={
                  <>
                    <th>{t("maintenance.name")}</th>
                    <th>{t("maintenance.scope")}</th>
                    <th>{t("maintenance.from")}</th>
                    <th>{t("maintenance.to")}</th>
                    <th>{t("maintenance.by")}</th>
                    <th />
                  </>
                }
              >
                {rows.map((w) => (
                  <Row key={w.id} window={w} onChange={() => setForm(w)} />
                ))}
              </Table>
              <More query={query} />
            </div>
          )
        }
      </Read>
      {form && (
        <Announce
          {...(form === "new" ? { device } : { window: form })}
          onClose={() => {
            setForm(null);
            if (params.get("announce")) change({ announce: null });
          }}
        />
      )}
    </Page>
  );
}

function Row({ window: w, onChange }: { window: MaintenanceWindow; onChange: () => void }) {
  const { t, i18n } = useTranslation();
  const may = useMay();
  const me = useMe();
  const client = useQueryClient();
  const end = useMutation({
    mutationFn: () => post(`/maintenance/${encodeURIComponent(w.id)}/end`),
    onSettled: () => void client.invalidateQueries({ queryKey: ["maintenance"] }),
    onError: (error) => notifications.show({ color: "red", title: t("states.failed"), message: describe(error) }),
  });
  const zone = me.time_zone || viewerZone();
  const at = (instant: string) => exact(millis(instant) ?? 0, i18n.language, zone);
  return (
    <tr data-testid={`maintenance-${w.id}`}>
      <td className="wide">
        <b className={css["name"]}>{w.name}</b> <Tag tone={w.status === "running" ? "warning" : undefined}>{t(`maintenance.status.${w.status}`)}</Tag>
        {w.reason && <div className={css["meta"]}>{w.reason}</div>}
      </td>
      <td data-label={t("maintenance.scope")}>
        <ScopeNames window={w} />
      </td>
      <td data-label={t("maintenance.from")}>
        {at(w.from)}
        <div className={css["meta"]}>
          <Ago at={w.from} />
        </div>
      </td>
      <td data-label={t("maintenance.to")}>
        {at(w.over_at)}
        <div className={css["meta"]}>{w.ended_at ? t(w.ended_at <= w.from ? "maintenance.calledOff" : "maintenance.endedEarly") : <Ago at={w.to} />}</div>
      </td>
      <td data-label={t("maintenance.by")}>{w.created_by}</td>
      <td className="num">
        {w.status !== "over" && may("change-maintenance") && (
          <Button variant="subtle" size="compact-xs" onClick={onChange}>
            {t("maintenance.change")}
          </Button>
        )}
        {w.status !== "over" && may("end-maintenance") && (
          <Button variant="subtle" color="red" size="compact-xs" loading={end.isPending} onClick={() => end.mutate()} data-testid="end-maintenance">
            {t(w.status === "running" ? "maintenance.end" : "maintenance.callOff")}
          </Button>
        )}
      </td>
    </tr>
  );
}

/** What a window is about, in names. */
function ScopeNames({ window: w }: { window: MaintenanceWindow }) {
  const { t } = useTranslation();
  const nameOf = useNames();
  const component = useComponentName();
  const all = scopeOf(w);
  if (all.length === 0) return <>{t("maintenance.everything")}</>;
  return (
    <>
      {all.map(({ kind, id }) => (
        <div key={kind}>
          <span className="dim">{t(`maintenance.${kind}`)}</span>{" "}
          {kind === "device" ? (
            <Link className="link" to={`/devices/${encodeURIComponent(id)}`}>
              {id}
            </Link>
          ) : kind === "component" ? (
            component(id)
          ) : kind === "region" ? (
            nameOf("region", id)
          ) : (
            id
          )}
        </div>
      ))}
    </>
  );
}
