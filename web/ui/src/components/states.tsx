import { Button } from "@mantine/core";
import { IconCloudOff, IconLock, IconRefresh, IconZoomQuestion } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Problem, UNREACHABLE } from "../api/client";
import css from "./states.module.css";

/** Placeholder rows while a list loads. */
export function Loading({ rows = 8 }: { rows?: number }) {
  const { t } = useTranslation();
  return (
    <div className={css["skeleton"]} role="status" aria-label={t("states.loading")}>
      {Array.from({ length: rows }, (_, i) => (
        <div key={i} className={css["bone"]}>
          <span style={{ width: 14 }} />
          <span style={{ width: `${30 + ((i * 17) % 25)}%` }} />
          <span style={{ width: `${10 + ((i * 7) % 10)}%`, marginLeft: "auto" }} />
          <span style={{ width: "6%" }} />
        </div>
      ))}
    </div>
  );
}

export function Empty({ title, children, icon }: { title: string; children?: ReactNode; icon?: ReactNode }) {
  return (
    <div className={css["state"]}>
      <div className={css["icon"]}>{icon ?? <IconZoomQuestion size={20} stroke={1.6} />}</div>
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** Says what went wrong in words and offers to try again; a missing permission is told as such. */
export function Failure({ error, retry }: { error: unknown; retry?: (() => void) | undefined }) {
  const { t } = useTranslation();
  const problem = error instanceof Problem ? error : null;
  if (problem?.status === 403)
    return (
      <div className={css["state"]} role="alert">
        <div className={css["icon"]}>
          <IconLock size={20} stroke={1.6} />
        </div>
        <h2>{t("states.forbidden")}</h2>
        <p>{problem.detail || t("states.forbiddenHint")}</p>
      </div>
    );
  if (problem?.status === 404)
    return (
      <Empty title={t("states.notFound")}>
        <p>{problem.detail || t("states.notFoundHint")}</p>
      </Empty>
    );
  return (
    <div className={css["state"]} role="alert">
      <div className={`${css["icon"]} ${css["bad"]}`}>
        <IconCloudOff size={20} stroke={1.6} />
      </div>
      <h2>{problem?.status === UNREACHABLE ? t("states.unreachable") : t("states.failed")}</h2>
      <p>{describe(error) || t("states.failedHint")}</p>
      {retry && (
        <Button variant="default" mt="xs" leftSection={<IconRefresh size={14} />} onClick={retry}>
          {t("states.retry")}
        </Button>
      )}
    </div>
  );
}

/** What the server said, in one line. */
export function describe(error: unknown): string {
  if (error instanceof Problem) return [error.detail || error.title, ...error.errors].filter(Boolean).join(" · ");
  return error instanceof Error ? error.message : "";
}

interface Readable<T> {
  data: T | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
}

/** Shows what was read, or that it is loading, failed or not allowed. Old data stays while a refresh fails. */
export function Read<T>({ query, children, rows }: { query: Readable<T>; children: (data: T) => ReactNode; rows?: number }) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error) return <Failure error={query.error} retry={() => void query.refetch()} />;
  return <Loading {...(rows === undefined ? {} : { rows })} />;
}
