import { UnstyledButton } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { chooseLanguage, languages, type Language } from "../../i18n";
import css from "./signin.module.css";

/** The page for who is not signed in: the name, one form, the languages. */
export function Frame({ title, children }: { title: string; children: ReactNode }) {
  const { t, i18n } = useTranslation();
  return (
    <main className={css["page"]}>
      <div className={css["card"]}>
        <div className={css["brand"]}>
          <img src="/favicon.svg" width={34} height={34} alt="" />
          <span>Presage</span>
        </div>
        <Trace />
        <h1>{title}</h1>
        {children}
      </div>
      <nav className={css["languages"]} aria-label={t("nav.language")}>
        {Object.entries(languages).map(([code, name]) => (
          <UnstyledButton key={code} lang={code} aria-pressed={i18n.language === code} onClick={() => chooseLanguage(code as Language)}>
            {name}
          </UnstyledButton>
        ))}
      </nav>
    </main>
  );
}

/** A signal that leaves its band: what Presage is about. */
function Trace() {
  return (
    <svg className={css["trace"]} viewBox="0 0 320 56" preserveAspectRatio="none" aria-hidden="true">
      <path d="M0 20C60 12 100 26 160 18S280 14 320 20V42C280 36 220 46 160 40S60 34 0 42Z" fill="var(--chart-band)" />
      <path d="M0 31C40 25 60 37 100 31S160 26 190 31 214 34 224 30" fill="none" stroke="var(--chart-line)" strokeWidth="1.6" vectorEffect="non-scaling-stroke" />
      <path d="M224 30C240 22 252 12 276 9S304 4 320 3" fill="none" stroke="var(--critical)" strokeWidth="1.8" vectorEffect="non-scaling-stroke" />
      <path d="M229 0V56" stroke="var(--ink-3)" strokeDasharray="3 3" vectorEffect="non-scaling-stroke" />
    </svg>
  );
}
