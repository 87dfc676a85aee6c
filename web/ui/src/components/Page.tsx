import { Button } from "@mantine/core";
import { useEffect, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import css from "./page.module.css";

interface Props {
  title: string;
  /** What the browser's tab says, when it is not the title. */
  tab?: string;
  sub?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

/** A page: its head line stays in sight, and the tab is named after it. */
export function Page({ title, tab, sub, actions, children }: Props) {
  useTab(tab ?? title);
  return (
    <>
      <header className={css["head"]}>
        <h1>{title}</h1>
        {sub && <span className={css["sub"]}>{sub}</span>}
        {actions && <div className={css["actions"]}>{actions}</div>}
      </header>
      {children}
    </>
  );
}

/** Names the tab of the browser. */
export function useTab(title: string): void {
  useEffect(() => {
    document.title = `${title} · Presage`;
  }, [title]);
}

export function Body({ children }: { children: ReactNode }) {
  return <div className={css["body"]}>{children}</div>;
}

export function Section({ title, note, children, id }: { title: string; note?: ReactNode; children: ReactNode; id?: string }) {
  return (
    <section className={css["section"]} {...(id ? { id } : {})}>
      <header>
        <h2>{title}</h2>
        {note && <span className="dim">{note}</span>}
      </header>
      {children}
    </section>
  );
}

/** Names and values in two columns. Facts without a value are left out. */
export function Facts({ facts }: { facts: readonly (readonly [name: string, value: ReactNode])[] }) {
  const known = facts.filter(([, value]) => value !== undefined && value !== null && value !== "");
  return (
    <dl className={css["facts"]}>
      {known.map(([name, value]) => (
        <div key={name} style={{ display: "contents" }}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A table that turns into cards on narrow screens. Cells name themselves with data-label. */
export function Table({ head, children, label }: { head: ReactNode; children: ReactNode; label: string }) {
  return (
    <table className={`${css["table"]} ${css["cards"]}`} aria-label={label}>
      <thead>
        <tr>{head}</tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  );
}

interface Paged {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
}

/** Offers the next page of a list. */
export function More({ query }: { query: Paged }) {
  const { t } = useTranslation();
  if (!query.hasNextPage) return null;
  return (
    <div className={css["more"]}>
      <Button variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
        {t("states.more")}
      </Button>
    </div>
  );
}
