import js from "@eslint/js";
import a11y from "eslint-plugin-jsx-a11y";
import hooks from "eslint-plugin-react-hooks";
import globals from "globals";
import ts from "typescript-eslint";

export default ts.config(
  { ignores: ["dist", "src/api/schema.d.ts"] },
  js.configs.recommended,
  {
    files: ["src/**/*.{ts,tsx}"],
    extends: [...ts.configs.strictTypeChecked, a11y.flatConfigs.recommended, hooks.configs.flat["recommended-latest"]],
    languageOptions: { globals: globals.browser, parserOptions: { projectService: true } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      // What the API answers is believed to its types only so far.
      "@typescript-eslint/no-unnecessary-condition": "off",
      // Indices that a loop or a check before keeps within bounds.
      "@typescript-eslint/no-non-null-assertion": "off",
      // Two pages are one form each, which is all that somebody opens them for.
      "jsx-a11y/no-autofocus": "off",
    },
  },
  { files: ["e2e/**/*.mjs", "*.config.{js,ts}"], languageOptions: { globals: { ...globals.node, ...globals.browser } } },
  { files: ["public/*.js"], languageOptions: { globals: globals.browser } },
);
