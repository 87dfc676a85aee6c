import type { Text } from "../api/model";

/** The sentence in the language, else in English, else in any. */
export function pick(text: Text | undefined | null, language: string): string {
  if (!text) return "";
  return text[language] ?? text["en"] ?? Object.values(text)[0] ?? "";
}

/** The name of a device and of its model, without saying the model twice where the name begins with it. */
export function deviceAndModel(device: string, model: string | undefined): string[] {
  return model && !device.startsWith(model) ? [device, model] : [device];
}

/** Makes a readable name of an identifier: "coolant_temp" becomes "Coolant temp". */
export function humanise(id: string): string {
  const words = id.replace(/[_\-.]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What stands in place of a device in a fault of many devices of a model at once: "cohort:", the kind and the model, of which one may be missing. */
export function cohortOf(device: string): { model: string; known: boolean } | undefined {
  const [head, ...parts] = device.split(":");
  const model = parts[parts.length - 1];
  return head === "cohort" && model ? { model, known: parts.length > 1 } : undefined;
}
