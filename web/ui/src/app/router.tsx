import { createBrowserRouter, Navigate } from "react-router";
import { Broken, Missing } from "./Broken";
import { Shell } from "./Shell";
import { Signed } from "./session";

/** Nothing is drawn while the code of the first page is on its way: it takes a fraction of a second. */
const HydrateFallback = () => null;

export const router = createBrowserRouter([
  { path: "/signin", HydrateFallback, lazy: async () => ({ Component: (await import("../pages/signin/SignIn")).SignIn }) },
  { path: "/setup", HydrateFallback, lazy: async () => ({ Component: (await import("../pages/signin/Setup")).Setup }) },
  {
    element: (
      <Signed>
        <Shell />
      </Signed>
    ),
    errorElement: <Broken />,
    HydrateFallback,
    children: [
      { path: "/", element: <Navigate to="/tickets" replace /> },
      { path: "/tickets", lazy: async () => ({ Component: (await import("../pages/queue/Queue")).Queue }) },
      { path: "/tickets/:id", lazy: async () => ({ Component: (await import("../pages/ticket/TicketPage")).TicketPage }) },
      { path: "/devices", element: <Navigate to="/fleet" replace /> },
      { path: "/devices/:id", lazy: async () => ({ Component: (await import("../pages/device/Device")).Device }) },
      { path: "/fleet", lazy: async () => ({ Component: (await import("../pages/fleet/Fleet")).Fleet }) },
      { path: "/findings", lazy: async () => ({ Component: (await import("../pages/findings/Findings")).Findings }) },
      { path: "/maintenance", lazy: async () => ({ Component: (await import("../pages/maintenance/Maintenance")).Maintenance }) },
      { path: "/demo", lazy: async () => ({ Component: (await import("../pages/demo/Demo")).Demo }) },
      { path: "/users", lazy: async () => ({ Component: (await import("../pages/users/Users")).Users }) },
      { path: "/quarantine", lazy: async () => ({ Component: (await import("../pages/quarantine/Quarantine")).Quarantine }) },
      { path: "/detectors", lazy: async () => ({ Component: (await import("../pages/detectors/Detectors")).Detectors }) },
      { path: "/about", lazy: async () => ({ Component: (await import("../pages/about/About")).About }) },
      { path: "*", element: <Missing /> },
    ],
  },
]);
