import { Button, Checkbox, Popover, ScrollArea, TextInput } from "@mantine/core";
import { IconChevronDown, IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { countsQuery } from "../../api/queries";
import { count } from "../../format/number";
import { queryOf, type Facet, type Filter } from "./filter";
import css from "./queue.module.css";

interface Props {
  facet: Facet;
  filter: Filter;
  nameOf: (value: string) => string;
  /** Order of the values; without it the most frequent come first. */
  order?: readonly string[];
  onChange: (values: string[]) => void;
}

/** More values than this get a field to search them. */
const SEARCHABLE = 8;

/** A filter with the number of tickets beside each of its values. */
export function FacetMenu({ facet, filter, nameOf, order, onChange }: Props) {
  const { t, i18n } = useTranslation();
  const [opened, setOpened] = useState(false);
  const [search, setSearch] = useState("");
  const counts = useQuery({ ...countsQuery(queryOf(filter, facet)), enabled: opened });
  const chosen = filter.values[facet];
  const found = counts.data?.[facet] ?? {};
  const values = [...new Set([...Object.keys(found), ...chosen])].sort((a, b) =>
    order ? order.indexOf(a) - order.indexOf(b) : (found[b] ?? 0) - (found[a] ?? 0) || nameOf(a).localeCompare(nameOf(b)),
  );
  const matching = values.filter((v) => nameOf(v).toLowerCase().includes(search.toLowerCase()));
  const title = t(`facet.${facet}`);
  const summary = chosen.length === 1 ? nameOf(chosen[0]!) : chosen.length > 1 ? String(chosen.length) : "";

  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-start" width={260} shadow="md" trapFocus returnFocus>
      <Popover.Target>
        <Button
          className={css["facet"] ?? ""}
          variant={chosen.length > 0 ? "light" : "default"}
          size="compact-sm"
          rightSection={<IconChevronDown size={13} />}
          onClick={() => setOpened((o) => !o)}
          aria-expanded={opened}
          data-testid={`facet-${facet}`}
        >
          {title}
          {summary && <span className={css["chosen"]}>{summary}</span>}
        </Button>
      </Popover.Target>
      <Popover.Dropdown p={6}>
        {values.length > SEARCHABLE && (
          <TextInput
            placeholder={t("facet.search")}
            aria-label={t("facet.search")}
            value={search}
            onChange={(e) => setSearch(e.currentTarget.value)}
            mb={6}
          />
        )}
        <ScrollArea.Autosize mah={320} type="auto">
          {matching.length === 0 && <p className={css["noValues"]}>{counts.isFetching ? t("states.loading") : t("facet.none")}</p>}
          {matching.map((v) => (
            <label key={v} className={css["value"]}>
              <Checkbox
                size="xs"
                checked={chosen.includes(v)}
                onChange={(e) => onChange(e.currentTarget.checked ? [...chosen, v] : chosen.filter((c) => c !== v))}
              />
              <span className="clip">{v === "" ? t("facet.unset") : nameOf(v)}</span>
              <span className={css["valueCount"]}>{count(found[v] ?? 0, i18n.language)}</span>
            </label>
          ))}
        </ScrollArea.Autosize>
        {chosen.length > 0 && (
          <Button fullWidth mt={4} variant="subtle" color="gray" leftSection={<IconX size={13} />} onClick={() => onChange([])}>
            {t("facet.clear")}
          </Button>
        )}
      </Popover.Dropdown>
    </Popover>
  );
}
