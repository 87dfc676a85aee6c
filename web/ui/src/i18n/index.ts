import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { de } from "./de";
import { en } from "./en";
import { zh } from "./zh";

/** The languages of the pages, each under its own name. */
export const languages = { en: "English", de: "Deutsch", zh: "中文" } as const;
export type Language = keyof typeof languages;

const STORED = "presage.language";

const isLanguage = (code: string | null | undefined): code is Language => code !== null && code !== undefined && code in languages;

/** The stored choice, else the first language of the browser that the pages speak, else English. */
export function preferredLanguage(stored: string | null, wanted: readonly string[]): Language {
  if (isLanguage(stored)) return stored;
  for (const tag of wanted) {
    const code = tag.split("-")[0]?.toLowerCase();
    if (isLanguage(code)) return code;
  }
  return "en";
}

function readStored(): string | null {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}

export const i18n = i18next.createInstance();
void i18n.use(initReactI18next).init({
  resources: { en: { translation: en }, de: { translation: de }, zh: { translation: zh } },
  lng: preferredLanguage(readStored(), navigator.languages),
  fallbackLng: "en",
  interpolation: { escapeValue: false },
  returnNull: false,
});

const declare = (language: string) => {
  document.documentElement.lang = language;
};
declare(i18n.language);
i18n.on("languageChanged", declare);

export function chooseLanguage(language: Language): void {
  try {
    localStorage.setItem(STORED, language);
  } catch {
    // Storage is switched off: the choice lasts as long as the tab.
  }
  void i18n.changeLanguage(language);
}

/** True when the person has chosen a language here, which then wins over the one of the account. */
export const hasChosenLanguage = (): boolean => isLanguage(readStored());
