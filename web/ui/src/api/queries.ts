import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { get, getText, Problem, type Query } from "./client";
import type {
  About,
  BandPoint,
  Counts,
  DemoBoard,
  DetectorReport,
  DetectorTickets,
  DeviceDetail,
  DeviceEvent,
  DevicePage,
  Diagnosis,
  Entry,
  FindingPage,
  FleetCell,
  MaintenancePage,
  Me,
  Named,
  NoticeList,
  QuarantinePage,
  Series,
  Station,
  Technician,
  TicketDetail,
  TicketPage,
  Token,
  User,
  Workflows,
} from "./model";

/** How long names of stations, regions and the like are taken from memory, in milliseconds. */
const NAMES_FRESH = 5 * 60_000;

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: ({ signal }) => get<Me>("/me", {}, signal),
  staleTime: NAMES_FRESH,
  retry: (n, error) => !(error instanceof Problem && error.status === 401) && n < 2,
});

export const ticketsQuery = (filter: Query, limit = 60) =>
  infiniteQueryOptions({
    queryKey: ["tickets", "list", filter],
    queryFn: ({ signal, pageParam }) => get<TicketPage>("/tickets", { ...filter, limit, cursor: pageParam }, signal),
    initialPageParam: "",
    getNextPageParam: (page) => page.next || undefined,
    placeholderData: keepPreviousData,
  });

export const countsQuery = (filter: Query) =>
  queryOptions({
    queryKey: ["tickets", "counts", filter],
    queryFn: ({ signal }) => get<{ counts: Counts }>("/tickets/counts", filter, signal),
    select: (data) => data.counts,
    placeholderData: keepPreviousData,
  });

export const ticketQuery = (id: string) =>
  queryOptions({
    queryKey: ["ticket", id, "detail"],
    queryFn: ({ signal }) => get<TicketDetail>(`/tickets/${encodeURIComponent(id)}`, {}, signal),
  });

export const diagnosisQuery = (id: string) =>
  queryOptions({
    queryKey: ["ticket", id, "diagnosis"],
    queryFn: ({ signal }) => get<Diagnosis>(`/tickets/${encodeURIComponent(id)}/diagnosis`, {}, signal),
    // The picture goes on after the ticket opened: it grows until its window is full.
    refetchInterval: ({ state }) => (state.data && Date.parse(state.data.until) > Date.now() ? 10_000 : false),
  });

export const historyQuery = (id: string) =>
  queryOptions({
    queryKey: ["ticket", id, "history"],
    queryFn: ({ signal }) => get<{ history: Entry[] | null }>(`/tickets/${encodeURIComponent(id)}/history`, {}, signal),
    select: (data) => data.history ?? [],
  });

export const devicesQuery = (filter: Query, limit = 60) =>
  infiniteQueryOptions({
    queryKey: ["devices", "list", filter],
    queryFn: ({ signal, pageParam }) => get<DevicePage>("/devices", { ...filter, limit, cursor: pageParam }, signal),
    initialPageParam: "",
    getNextPageParam: (page) => page.next || undefined,
    placeholderData: keepPreviousData,
  });

export const deviceQuery = (id: string) =>
  queryOptions({
    queryKey: ["device", id, "detail"],
    queryFn: ({ signal }) => get<DeviceDetail>(`/devices/${encodeURIComponent(id)}`, {}, signal),
    refetchInterval: 15_000,
  });

export interface Window {
  from: number;
  to: number;
}

export const seriesQuery = (device: string, metric: string, window: Window) =>
  queryOptions({
    queryKey: ["device", device, "series", metric, window],
    queryFn: ({ signal }) =>
      get<Series>(`/devices/${encodeURIComponent(device)}/series`, { metric, ...window }, signal),
    placeholderData: keepPreviousData,
    staleTime: 10_000,
  });

export const bandQuery = (device: string, metric: string, window: Window) =>
  queryOptions({
    queryKey: ["device", device, "band", metric, window],
    queryFn: ({ signal }) =>
      get<{ band: BandPoint[] | null }>(`/devices/${encodeURIComponent(device)}/band`, { metric, ...window }, signal),
    select: (data) => data.band ?? [],
    placeholderData: keepPreviousData,
    staleTime: 10_000,
    retry: false,
  });

export const eventsQuery = (device: string, window: Window) =>
  queryOptions({
    queryKey: ["device", device, "events", window],
    queryFn: ({ signal }) =>
      get<{ events: DeviceEvent[] | null }>(`/devices/${encodeURIComponent(device)}/events`, { ...window }, signal),
    select: (data) => data.events ?? [],
    placeholderData: keepPreviousData,
    staleTime: 10_000,
  });

export const fleetQuery = queryOptions({
  queryKey: ["fleet"],
  queryFn: ({ signal }) => get<{ cells: FleetCell[] | null }>("/fleet", {}, signal),
  select: (data) => data.cells ?? [],
  refetchInterval: 30_000,
});

export const findingsQuery = (filter: Query) =>
  infiniteQueryOptions({
    queryKey: ["findings", filter],
    queryFn: ({ signal, pageParam }) => get<FindingPage>("/findings", { ...filter, limit: 60, cursor: pageParam }, signal),
    initialPageParam: "",
    getNextPageParam: (page) => page.next || undefined,
    placeholderData: keepPreviousData,
  });

const names = <T extends Named>(key: string) =>
  queryOptions({
    queryKey: ["names", key],
    queryFn: async ({ signal }) => {
      const data = await get<Record<string, T[] | null>>(`/${key}`, {}, signal);
      return data[key] ?? [];
    },
    staleTime: NAMES_FRESH,
  });

export const stationsQuery = names<Station>("stations");
export const techniciansQuery = names<Technician>("technicians");
export const modelsQuery = names("models");
export const regionsQuery = names("regions");

export const workflowsQuery = queryOptions({
  queryKey: ["names", "workflows"],
  queryFn: ({ signal }) => get<Workflows>("/workflows", {}, signal),
  staleTime: NAMES_FRESH,
});

export const quarantineQuery = infiniteQueryOptions({
  queryKey: ["quarantine"],
  queryFn: ({ signal, pageParam }) => get<QuarantinePage>("/quarantine", { limit: 60, cursor: pageParam }, signal),
  initialPageParam: "",
  getNextPageParam: (page) => page.next || undefined,
});

export const maintenanceQuery = (filter: Query) =>
  infiniteQueryOptions({
    queryKey: ["maintenance", filter],
    queryFn: ({ signal, pageParam }) => get<MaintenancePage>("/maintenance", { ...filter, limit: 60, cursor: pageParam }, signal),
    initialPageParam: "",
    getNextPageParam: (page) => page.next || undefined,
    placeholderData: keepPreviousData,
    refetchInterval: 60_000,
  });

export const noticesQuery = queryOptions({
  queryKey: ["notices"],
  queryFn: ({ signal }) => get<NoticeList>("/notices", {}, signal),
  select: (data) => data.notices ?? [],
  refetchInterval: 5 * 60_000,
});

export const catalogQuery = queryOptions({
  queryKey: ["catalog"],
  queryFn: ({ signal }) => getText("/catalog", signal),
});

export const detectorsQuery = queryOptions({
  queryKey: ["detectors"],
  queryFn: ({ signal }) => get<DetectorReport>("/detectors", {}, signal),
  refetchInterval: 60_000,
});

export const detectorTicketsQuery = (rule: string, model: string) =>
  queryOptions({
    queryKey: ["detectors", rule, model, "tickets"],
    queryFn: ({ signal }) => get<DetectorTickets>(`/detectors/${encodeURIComponent(rule)}/tickets`, { model }, signal),
  });

export const usersQuery = queryOptions({
  queryKey: ["users"],
  queryFn: ({ signal }) => get<{ users: User[] | null }>("/users", {}, signal),
  select: (data) => data.users ?? [],
});

export const tokensQuery = queryOptions({
  queryKey: ["tokens"],
  queryFn: ({ signal }) => get<{ tokens: Token[] | null }>("/tokens", {}, signal),
  select: (data) => data.tokens ?? [],
});

export const aboutQuery = queryOptions({
  queryKey: ["about"],
  queryFn: ({ signal }) => get<About>("/about", {}, signal),
  refetchInterval: 10_000,
});

/** The scoreboard of the demonstration, or null where none runs. */
export const demoQuery = queryOptions({
  queryKey: ["demo"],
  queryFn: async ({ signal }) => {
    try {
      return await get<DemoBoard>("/demo", {}, signal);
    } catch (error) {
      if (error instanceof Problem && error.status === 404) return null;
      throw error;
    }
  },
  refetchInterval: (query) => (query.state.data === null ? false : 5_000),
});
