import { Button, Select, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch, IconX } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";
import type { FleetCell, Health } from "../../api/model";
import { devicesQuery, fleetQuery } from "../../api/queries";
import { useAddress } from "../../app/address";
import { useNames } from "../../app/names";
import { useShortcuts } from "../../app/shortcuts";
import { Sparkline } from "../../charts/Sparkline";
import { Ago } from "../../components/Ago";
import { HealthMark, Tag } from "../../components/marks";
import { Body, More, Page, Section, Table } from "../../components/Page";
import { Empty, Read } from "../../components/states";
import { count } from "../../format/number";
import css from "./fleet.module.css";

const healths: Health[] = ["critical", "major", "warning", "silent", "ok", "unknown"];
const sorts = ["health", "id", "name", "last_seen"] as const;

/** Every model in every region at a glance, then the devices behind it. */
export function Fleet() {
  const { t, i18n } = useTranslation();
  const cells = useQuery(fleetQuery);
  const devices = cells.data?.reduce((n, c) => n + c.devices, 0);
  return (
    <Page title={t("nav.fleet")} sub={devices === undefined ? "" : t("fleet.devices", { count: devices, shown: count(devices, i18n.language) })}>
      <Body>
        <Read query={cells} rows={4}>
          {(data) =>
            data.length === 0 ? (
              <Empty title={t("fleet.none")}>
                <p>{t("fleet.noneHint")}</p>
              </Empty>
            ) : (
              <Section title={t("fleet.matrix")} note={t("fleet.matrixNote")}>
                <Matrix cells={data} />
              </Section>
            )
          }
        </Read>
        <Devices />
      </Body>
    </Page>
  );
}

function Matrix({ cells }: { cells: readonly FleetCell[] }) {
  const { t, i18n } = useTranslation();
  const [params, change] = useAddress();
  const models = useMemo(
    () => [...new Map(cells.map((c) => [c.model, c])).values()].sort((a, b) => a.kind.localeCompare(b.kind) || a.model_name.localeCompare(b.model_name)),
    [cells],
  );
  const regions = useMemo(
    () => [...new Map(cells.map((c) => [c.region, c.region_name || c.region])).entries()].sort((a, b) => a[1].localeCompare(b[1])),
    [cells],
  );
  const chosen = (model: string, region: string) => params.get("model") === model && params.get("region") === region;
  return (
    <div className={css["scroll"]}>
      <table className={css["matrix"]} aria-label={t("fleet.matrix")}>
        <thead>
          <tr>
            <th scope="col">{t("device.model")}</th>
            {regions.map(([id, name]) => (
              <th key={id} scope="col">
                {name || t("facet.unset")}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {models.map((m) => (
            <tr key={m.model}>
              <th scope="row">
                {m.model_name || m.model || t("fleet.noModel")}
                <span className={css["sum"]}>
                  {count(
                    cells.filter((c) => c.model === m.model).reduce((n, c) => n + c.devices, 0),
                    i18n.language,
                  )}
                </span>
                <span className="dim">{m.kind ? t(`kind.${m.kind}`, { defaultValue: m.kind }) : ""}</span>
              </th>
              {regions.map(([region, name]) => {
                const cell = cells.find((c) => c.model === m.model && c.region === region);
                if (!cell) return <td key={region} className={css["void"]} />;
                const on = chosen(m.model, region);
                return (
                  <td key={region} className={cell.unhealthy === 0 && cell.silent === 0 ? css["quiet"] : ""}>
                    <button
                      type="button"
                      className={`${css["cell"]} ${on ? css["on"] : ""}`}
                      aria-pressed={on}
                      onClick={() => change(on ? { model: null, region: null } : { model: m.model, region })}
                    >
                      <span className={css["region"]}>{name}</span>
                      <Cell cell={cell} />
                    </button>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cell({ cell }: { cell: FleetCell }) {
  const { t, i18n } = useTranslation();
  const days = cell.history ?? [];
  return (
    <>
      <span className={css["figures"]}>
        <b>{count(cell.devices, i18n.language)}</b>
        {cell.unhealthy > 0 && (
          <span className={css["bad"]}>
            ▲ {count(cell.unhealthy, i18n.language)} {t("fleet.unhealthy")}
          </span>
        )}
        {cell.silent > 0 && (
          <span className="dim">
            ◌ {count(cell.silent, i18n.language)} {t("fleet.silent")}
          </span>
        )}
        {cell.unhealthy === 0 && cell.silent === 0 && <span className={css["fine"]}>✓ {t("fleet.fine")}</span>}
      </span>
      <span className={css["foot"]}>
        <Sparkline values={days} width={72} label={t("fleet.history", { count: days.reduce((a, b) => a + b, 0) })} />
        <span className="num dim">{cell.open_tickets > 0 ? t("fleet.open", { count: cell.open_tickets }) : ""}</span>
      </span>
    </>
  );
}

function Devices() {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const nameOf = useNames();
  const [params, change] = useAddress();
  const search = useRef<HTMLInputElement>(null);
  useShortcuts({ "/": () => search.current?.focus() });
  const later = useDebouncedCallback((q: string) => change({ q }), 250);

  const q = params.get("q") ?? "";
  const health = params.get("health") ?? "";
  const model = params.get("model");
  const region = params.get("region");
  const sort = params.get("sort") ?? "health";
  const query = useInfiniteQuery(devicesQuery({ q, health, model: model ?? "", region: region ?? "", sort }));
  const rows = query.data?.pages.flatMap((p) => p.devices ?? []) ?? [];
  const total = query.data?.pages[0]?.total;
  const narrowed = [model && ["model", nameOf("model", model)], region && ["region", nameOf("region", region)]].filter(Boolean) as [string, string][];

  return (
    <Section title={t("fleet.list")} note={total === undefined ? "" : count(total, i18n.language)}>
      <div className={css["bar"]}>
        <TextInput
          ref={search}
          key={q}
          defaultValue={q}
          onChange={(e) => later(e.currentTarget.value)}
          placeholder={t("fleet.search")}
          aria-label={t("fleet.search")}
          leftSection={<IconSearch size={14} />}
          className={css["search"] ?? ""}
        />
        <Select
          value={health || "any"}
          onChange={(v) => change({ health: v === "any" ? null : v })}
          data={[{ value: "any", label: t("fleet.anyHealth") }, ...healths.map((value) => ({ value, label: t(`health.${value}`) }))]}
          aria-label={t("fleet.health")}
          allowDeselect={false}
          w={150}
        />
        <Select
          value={sort}
          onChange={(v) => change({ sort: v === "health" ? null : v })}
          data={sorts.map((value) => ({ value, label: t(`fleet.sort.${value}`) }))}
          aria-label={t("queue.sortLabel")}
          allowDeselect={false}
          w={170}
        />
        {narrowed.map(([key, name]) => (
          <Button key={key} variant="light" rightSection={<IconX size={13} />} onClick={() => change({ [key]: null })}>
            {name}
          </Button>
        ))}
      </div>
      <Read query={query}>
        {() =>
          rows.length === 0 ? (
            <Empty title={t("fleet.noMatch")} />
          ) : (
            <div className={css["list"]}>
              <Table
                label={t("fleet.list")}
                head={
                  <>
                    <th>{t("fleet.health")}</th>
                    <th>{t("fleet.device")}</th>
                    <th>{t("device.model")}</th>
                    <th>{t("device.site")}</th>
                    <th>{t("device.customer")}</th>
                    <th className="num">{t("device.lastSeen")}</th>
                    <th className="num">{t("fleet.tickets")}</th>
                  </>
                }
              >
                {rows.map((d) => (
                  <tr key={d.id} className={css["row"]} onClick={() => void navigate(`/devices/${encodeURIComponent(d.id)}`)}>
                    <td>
                      <HealthMark health={d.health} />
                    </td>
                    <td>
                      <Link className={css["name"]} to={`/devices/${encodeURIComponent(d.id)}`} onClick={(e) => e.stopPropagation()}>
                        {d.name || d.id}
                      </Link>{" "}
                      {d.name && d.name !== d.id && <span className="dim mono">{d.id}</span>} {d.retired && <Tag>{t("device.retired")}</Tag>}
                    </td>
                    <td>{d.model_name || d.model}</td>
                    <td>{[d.site_name || d.site, d.region_name || d.region].filter(Boolean).join(", ")}</td>
                    <td>{d.customer_name}</td>
                    <td className="num" data-label={t("device.lastSeen")}>
                      <Ago at={d.last_seen} zone={d.time_zone} />
                    </td>
                    <td className="num" data-label={t("fleet.tickets")}>
                      {d.open_tickets > 0 ? d.open_tickets : <span className="dim">0</span>}
                    </td>
                  </tr>
                ))}
              </Table>
              <More query={query} />
            </div>
          )
        }
      </Read>
    </Section>
  );
}
