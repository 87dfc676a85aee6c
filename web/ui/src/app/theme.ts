import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from "@mantine/core";

/** The one accent colour: petrol, far from every colour of severity. */
const petrol: MantineColorsTuple = [
  "#e6f6f7",
  "#cdebed",
  "#9cd8dc",
  "#66c3ca",
  "#3cb1ba",
  "#1f9ca6",
  "#0e8691",
  "#0b7480",
  "#08616b",
  "#044d56",
];

/** Mantine's greys in the dark, on the palette of app.css: text first, ground last. */
const dark: MantineColorsTuple = [
  "#e9edf1",
  "#b1bac4",
  "#8b96a2",
  "#6b7682",
  "#343d46",
  "#232a31",
  "#171c21",
  "#14181c",
  "#101418",
  "#0d1013",
];

export const theme = createTheme({
  primaryColor: "petrol",
  primaryShade: { light: 7, dark: 5 },
  colors: { petrol, dark },
  fontFamily: "'Inter Variable', system-ui, -apple-system, 'Segoe UI', 'Noto Sans SC', 'PingFang SC', 'Microsoft YaHei', sans-serif",
  fontFamilyMonospace: "ui-monospace, 'SF Mono', 'Cascadia Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace",
  fontSizes: { xs: "0.75rem", sm: "0.8125rem", md: "0.875rem", lg: "1rem", xl: "1.125rem" },
  defaultRadius: "md",
  radius: { xs: "3px", sm: "5px", md: "7px", lg: "10px", xl: "14px" },
  headings: { fontWeight: "600" },
  respectReducedMotion: true,
  cursorType: "pointer",
  components: {
    Button: { defaultProps: { size: "xs" } },
    TextInput: { defaultProps: { size: "xs" } },
    PasswordInput: { defaultProps: { size: "xs" } },
    Textarea: { defaultProps: { size: "xs" } },
    Select: { defaultProps: { size: "xs" } },
    SegmentedControl: { defaultProps: { size: "xs" } },
    Tooltip: { defaultProps: { openDelay: 250, withArrow: true, arrowSize: 6 } },
    Modal: { defaultProps: { centered: true, radius: "lg", overlayProps: { backgroundOpacity: 0.45 } } },
    Menu: { defaultProps: { shadow: "md" } },
  },
});

/** Mantine takes its surfaces from the variables of app.css, so that there is one palette. */
export const variables: CSSVariablesResolver = () => {
  const shared = {
    "--mantine-color-body": "var(--surface)",
    "--mantine-color-text": "var(--ink)",
    "--mantine-color-dimmed": "var(--ink-3)",
    "--mantine-color-default": "var(--surface)",
    "--mantine-color-default-hover": "var(--raise)",
    "--mantine-color-default-color": "var(--ink)",
    "--mantine-color-default-border": "var(--line-strong)",
    "--mantine-color-anchor": "var(--accent)",
    "--mantine-color-placeholder": "var(--ink-3)",
    "--mantine-color-error": "var(--critical)",
  };
  return { variables: {}, light: shared, dark: shared };
};
