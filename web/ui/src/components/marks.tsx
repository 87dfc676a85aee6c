import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Category, Health, Severity } from "../api/model";
import { useStateName } from "../app/names";
import css from "./marks.module.css";

type Shape = Severity | Health;

/** One shape per meaning, so that it can be read without its colour. */
const shapes: Record<Shape, ReactNode> = {
  critical: (
    <>
      <path d="M4.6.8h4.8L13.2 4.6v4.8L9.4 13.2H4.6L.8 9.4V4.6z" fill="currentColor" />
      <path d="M7 3.6v4M7 9.6v.8" stroke="var(--surface)" strokeWidth="1.7" strokeLinecap="round" />
    </>
  ),
  major: (
    <>
      <path d="M7 1.2 13.4 12.4H.6z" fill="currentColor" stroke="currentColor" strokeWidth="1" strokeLinejoin="round" />
      <path d="M7 5.2v3.2M7 10.2v.3" stroke="var(--surface)" strokeWidth="1.6" strokeLinecap="round" />
    </>
  ),
  warning: <path d="M7 1.4 12.6 7 7 12.6 1.4 7z" fill="none" stroke="currentColor" strokeWidth="1.9" strokeLinejoin="round" />,
  info: (
    <>
      <circle cx="7" cy="7" r="5.4" fill="none" stroke="currentColor" strokeWidth="1.5" />
      <path d="M7 6.4v3.4M7 4.1v.3" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" />
    </>
  ),
  ok: (
    <>
      <circle cx="7" cy="7" r="6" fill="none" stroke="currentColor" strokeWidth="1.4" />
      <path d="m4.3 7.2 1.9 1.9 3.5-4" fill="none" stroke="currentColor" strokeWidth="1.6" strokeLinecap="round" strokeLinejoin="round" />
    </>
  ),
  silent: (
    <>
      <circle cx="7" cy="7" r="5.6" fill="none" stroke="currentColor" strokeWidth="1.4" strokeDasharray="2.4 2" />
      <path d="M4.4 7h5.2" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" />
    </>
  ),
  unknown: <circle cx="7" cy="7" r="5.4" fill="none" stroke="currentColor" strokeWidth="1.4" strokeDasharray="1.6 1.8" />,
};

export function Glyph({ shape, size = 14 }: { shape: Shape; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 14 14" aria-hidden="true">
      {shapes[shape] ?? shapes.unknown}
    </svg>
  );
}

/** Severity by colour, shape and word. Where there is no room the word is for screen readers and on hover. */
export function SeverityMark({ severity, wordless = false }: { severity: Severity; wordless?: boolean }) {
  const { t } = useTranslation();
  const word = t(`severity.${severity}`);
  return (
    <span className={`${css["mark"]} ${css[severity] ?? ""}`} {...(wordless ? { title: word } : {})}>
      <Glyph shape={severity} />
      <span className={wordless ? "visually-hidden" : ""}>{word}</span>
    </span>
  );
}

export function HealthMark({ health, wordless = false }: { health: Health; wordless?: boolean }) {
  const { t } = useTranslation();
  const word = t(`health.${health}`);
  return (
    <span className={`${css["mark"]} ${css[health] ?? ""}`} {...(wordless ? { title: word } : {})}>
      <Glyph shape={health} />
      <span className={wordless ? "visually-hidden" : ""}>{word}</span>
    </span>
  );
}

/** How far each category of stages is, as a filling ring. */
const progress: Record<Category, number> = { new: 0, active: 0.5, waiting: 0.35, verifying: 0.8, done: 1 };

/** The stage of a ticket, with a ring that fills towards done. */
export function StateMark({ state, category }: { state: string; category: Category }) {
  const stateName = useStateName();
  const around = 2 * Math.PI * 2.5;
  const colour = category === "done" ? "var(--ok)" : category === "new" ? "var(--ink-3)" : "var(--accent)";
  return (
    <span className={css["state"]}>
      <svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true" style={{ color: colour }}>
        <circle cx="6" cy="6" r="5" fill="none" stroke="currentColor" strokeWidth="1.4" strokeDasharray={category === "waiting" ? "2 1.6" : "none"} />
        <circle
          cx="6"
          cy="6"
          r="2.5"
          fill="none"
          stroke="currentColor"
          strokeWidth="5"
          strokeDasharray={`${around * (progress[category] ?? 0)} ${around}`}
          transform="rotate(-90 6 6)"
        />
      </svg>
      {stateName(state)}
    </span>
  );
}

export function Tag({ children, tone }: { children: ReactNode; tone?: "critical" | "warning" | "ok" | "accent" | undefined }) {
  const tones = { critical: css["tagCritical"], warning: css["tagWarning"], ok: css["tagOk"], accent: css["tagAccent"] };
  return <span className={`${css["tag"]} ${tone ? (tones[tone] ?? "") : ""}`}>{children}</span>;
}
