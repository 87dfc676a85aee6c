import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// The server that `npm run dev` and `vite preview` forward API calls to.
const server = process.env["PRESAGE_URL"] ?? "http://127.0.0.1:8080";
const forward = { "/api": server, "/livez": server, "/readyz": server, "/openapi.json": server };

export default defineConfig({
  plugins: [react()],
  server: { proxy: forward },
  preview: { proxy: forward },
  build: {
    target: "es2022",
    // Everything that changes rarely sits in its own file, so that an update of Presage re-downloads little.
    rolldownOptions: {
      output: {
        advancedChunks: {
          groups: [
            { name: "react", test: /node_modules\/(react|react-dom|react-router|scheduler|@tanstack|i18next|react-i18next)\// },
            { name: "mantine", test: /node_modules\/(@mantine|@floating-ui)\// },
            { name: "uplot", test: /node_modules\/uplot\// },
          ],
        },
      },
    },
  },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.{ts,tsx}"],
    restoreMocks: true,
  },
});
