/** A measured value with as many digits as make sense at its size: 1234.6, 91.2, 0.0412. */
export function measured(value: number, language: string): string {
  if (!Number.isFinite(value)) return "–";
  const abs = Math.abs(value);
  if (abs !== 0 && (abs < 1e-4 || abs >= 1e9)) return value.toExponential(2);
  const digits = abs >= 1000 ? 0 : abs >= 100 ? 1 : abs >= 1 ? 2 : 4;
  return new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value);
}

/** A value with its unit, separated by a space that does not break. */
export function withUnit(value: number, unit: string | undefined, language: string): string {
  return unit ? `${measured(value, language)}\u00a0${unit}` : measured(value, language);
}

export function count(value: number, language: string): string {
  return new Intl.NumberFormat(language).format(value);
}

/** A fraction as a percentage; shares that round to 100 % without being whole show one digit more. */
export function percent(fraction: number, language: string): string {
  const almost = fraction < 1 && fraction > 0.995;
  const shown = almost ? Math.min(fraction, 0.9999) : fraction;
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: almost ? 2 : 0 }).format(shown);
}

export function bytes(value: number, language: string): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  let i = 0;
  let n = value;
  while (n >= 1000 && i < units.length - 1) {
    n /= 1000;
    i++;
  }
  return new Intl.NumberFormat(language, {
    style: "unit",
    unit: units[i]!,
    // Written out, bytes have a plural; larger units are symbols.
    unitDisplay: i === 0 ? "long" : "short",
    maximumFractionDigits: n < 10 && i > 0 ? 1 : 0,
  }).format(n);
}
