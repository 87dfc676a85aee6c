import { Button, Modal, Select, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { post, put } from "../../api/client";
import type { MaintenancePlan, MaintenanceWindow } from "../../api/model";
import { modelsQuery, regionsQuery } from "../../api/queries";
import { useNow } from "../../app/now";
import { useMe } from "../../app/session";
import { describe } from "../../components/states";
import { HOUR, instantAt, MINUTE, millis, viewerZone, wallTime } from "../../format/time";
import css from "./maintenance.module.css";

/** Announces maintenance, or changes a window. Times are those of the chosen zone. */
export function Announce({ window: w, device = "", onClose }: { window?: MaintenanceWindow; device?: string; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const me = useMe();
  const zones = [...new Set([me.time_zone || viewerZone(), viewerZone(), "UTC"])];
  const now = useNow();
  const [zone, setZone] = useState(zones[0]!);
  const [name, setName] = useState(w?.name ?? "");
  const [reason, setReason] = useState(w?.reason ?? "");
  const [span, setSpan] = useState(() => {
    const begin = millis(w?.from) ?? Math.ceil(now / (5 * MINUTE)) * 5 * MINUTE;
    return { from: wallTime(begin, zone), to: wallTime(millis(w?.to) ?? begin + 2 * HOUR, zone) };
  });
  const [scope, setScope] = useState({ region: w?.region ?? "", site: w?.site ?? "", model: w?.model ?? "", device: w?.device ?? device, component: w?.component ?? "" });
  const choices = (list: readonly { id: string; name?: string }[] | undefined) => (list ?? []).map((x) => ({ value: x.id, label: x.name || x.id }));
  const regions = choices(useQuery(regionsQuery).data);
  const models = choices(useQuery(modelsQuery).data);

  const from = instantAt(span.from, zone);
  const to = instantAt(span.to, zone);
  const backwards = from !== null && to !== null && to <= from;
  const save = useMutation({
    mutationFn: (plan: MaintenancePlan) => (w ? put<MaintenanceWindow>(`/maintenance/${encodeURIComponent(w.id)}`, { ...plan, revision: w.revision }) : post<MaintenanceWindow>("/maintenance", plan)),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["maintenance"] });
      onClose();
    },
  });
  const set = (kind: keyof typeof scope) => (value: string | null) => setScope({ ...scope, [kind]: value ?? "" });
  return (
    <Modal opened onClose={onClose} title={t(w ? "maintenance.changeTitle" : "maintenance.announce")} closeButtonProps={{ "aria-label": t("help.close") }}>
      <form
        className={css["form"]}
        onSubmit={(e) => {
          e.preventDefault();
          if (from === null || to === null || backwards) return;
          const named = Object.fromEntries(Object.entries(scope).flatMap(([k, v]) => (v.trim() ? [[k, v.trim()]] : [])));
          save.mutate({ name: name.trim(), reason: reason.trim(), from: new Date(from).toISOString(), to: new Date(to).toISOString(), ...named });
        }}
      >
        <TextInput label={t("maintenance.name")} value={name} onChange={(e) => setName(e.currentTarget.value)} required maxLength={120} data-autofocus />
        <Textarea label={t("maintenance.reason")} value={reason} onChange={(e) => setReason(e.currentTarget.value)} maxLength={1000} autosize minRows={1} maxRows={5} />
        <div className={css["pair"]}>
          <TextInput type="datetime-local" label={t("maintenance.from")} value={span.from} onChange={(e) => setSpan({ ...span, from: e.currentTarget.value })} required />
          <TextInput
            type="datetime-local"
            label={t("maintenance.to")}
            value={span.to}
            onChange={(e) => setSpan({ ...span, to: e.currentTarget.value })}
            required
            error={backwards ? t("maintenance.backwards") : undefined}
          />
        </div>
        <Select
          label={t("maintenance.zone")}
          value={zone}
          data={zones}
          allowDeselect={false}
          onChange={(next) => {
            if (!next) return;
            // The instants stay; what clocks show of them changes.
            setSpan({ from: from === null ? span.from : wallTime(from, next), to: to === null ? span.to : wallTime(to, next) });
            setZone(next);
          }}
        />
        <p className={css["meta"]}>{t("maintenance.scopeHint")}</p>
        <div className={css["pair"]}>
          <Select label={t("maintenance.region")} value={scope.region || null} data={regions} onChange={set("region")} clearable searchable />
          <TextInput label={t("maintenance.site")} value={scope.site} onChange={(e) => set("site")(e.currentTarget.value)} maxLength={128} />
          <Select label={t("maintenance.model")} value={scope.model || null} data={models} onChange={set("model")} clearable searchable />
          <TextInput label={t("maintenance.device")} value={scope.device} onChange={(e) => set("device")(e.currentTarget.value)} maxLength={128} />
          <TextInput label={t("maintenance.component")} value={scope.component} onChange={(e) => set("component")(e.currentTarget.value)} maxLength={128} />
        </div>
        {save.isError && (
          <p role="alert" style={{ color: "var(--mantine-color-error)" }}>
            {describe(save.error)}
          </p>
        )}
        <div className={css["bar"]}>
          <Button variant="default" onClick={onClose}>
            {t("states.cancel")}
          </Button>
          <Button type="submit" loading={save.isPending} disabled={from === null || to === null || backwards}>
            {t(w ? "states.save" : "maintenance.announce")}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
