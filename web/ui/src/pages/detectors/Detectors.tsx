import { Button, CopyButton, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconCopy, IconRefresh, IconSearch } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { post } from "../../api/client";
import { catalogQuery } from "../../api/queries";
import { useMay } from "../../app/session";
import { useShortcuts } from "../../app/shortcuts";
import { Body, Page } from "../../components/Page";
import { describe, Empty, Read } from "../../components/states";
import css from "./detectors.module.css";
import { Records } from "./Records";
import { pieces } from "./yaml";

/** The catalogue of detectors as it is in force, to be read and searched. */
export function Detectors() {
  const { t } = useTranslation();
  const may = useMay();
  const client = useQueryClient();
  const catalog = useQuery(catalogQuery);
  const [search, setSearch] = useState("");
  const field = useRef<HTMLInputElement>(null);
  useShortcuts({ "/": () => field.current?.focus() });
  const reload = useMutation({
    mutationFn: () => post("/catalog/reload"),
    onSuccess: () => {
      notifications.show({ title: t("detectors.reloaded"), message: t("detectors.reloadedHint") });
      void client.invalidateQueries({ queryKey: ["catalog"] });
    },
    onError: (error) => notifications.show({ color: "red", title: t("detectors.invalid"), message: describe(error), autoClose: false }),
  });
  return (
    <Page
      title={t("nav.detectors")}
      sub={t("detectors.sub")}
      actions={
        <>
          <TextInput ref={field} value={search} onChange={(e) => setSearch(e.currentTarget.value)} placeholder={t("detectors.search")} aria-label={t("detectors.search")} leftSection={<IconSearch size={14} />} />
          <CopyButton value={catalog.data ?? ""}>
            {({ copied, copy }) => (
              <Button variant="default" leftSection={<IconCopy size={14} />} onClick={copy}>
                {t(copied ? "users.copied" : "users.copy")}
              </Button>
            )}
          </CopyButton>
          {may("reload-catalog") && (
            <Button variant="default" leftSection={<IconRefresh size={14} />} onClick={() => reload.mutate()} loading={reload.isPending}>
              {t("detectors.reload")}
            </Button>
          )}
        </>
      }
    >
      <Body>
        <Records />
      </Body>
      <Read query={catalog} rows={14}>
        {(text) => (text.trim() === "" ? <Empty title={t("detectors.none")} /> : <Source text={text} search={search.trim().toLowerCase()} />)}
      </Read>
    </Page>
  );
}

function Source({ text, search }: { text: string; search: string }) {
  const { t } = useTranslation();
  const lines = useMemo(() => text.replace(/\n$/, "").split("\n"), [text]);
  const hits = search ? lines.reduce<number[]>((all, line, i) => (line.toLowerCase().includes(search) ? [...all, i] : all), []) : [];
  const hit = new Set(hits);
  return (
    <>
      {search && (
        <p className={css["hits"]} role="status">
          {t("detectors.hits", { count: hits.length })}
        </p>
      )}
      <pre className={css["source"]} data-testid="catalog">
        {lines.map((line, i) =>
          // Around every hit some lines are shown, so that it can be understood.
          search && !hits.some((h) => Math.abs(h - i) <= 4) ? null : (
            <span key={i} className={`${css["line"]} ${hit.has(i) ? css["hit"] : ""}`}>
              <span className={css["no"]}>{i + 1}</span>
              <code>
                {pieces(line).map((p, k) => (
                  <span key={k} className={css[p.kind] ?? ""}>
                    {p.text}
                  </span>
                ))}
              </code>
            </span>
          ),
        )}
      </pre>
    </>
  );
}
