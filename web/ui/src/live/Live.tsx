import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import type { DeskEvent, Evidence, NoticeEvent, Ticket, TicketDetail } from "../api/model";
import { followStream, type Signal, type Status } from "./stream";

type Listener = (signal: Signal) => void;

interface Live {
  status: Status;
  /** Calls the listener for every signal until the returned function is called. */
  listen: (listener: Listener) => () => void;
}

const Context = createContext<Live>({ status: "connecting", listen: () => () => undefined });

/** Lists are read again at most this often while events pour in, in milliseconds. */
const REFRESH = 800;

/** Keeps what was read from the server up to date with its event stream. */
export function LiveProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [status, setStatus] = useState<Status>("connecting");
  const listeners = useRef(new Set<Listener>());

  useEffect(() => {
    const refresh = refresher(client);
    const stop = followStream({
      url: "/api/v1/stream",
      onSignal: (signal) => {
        if (signal.kind === "status") setStatus(signal.status);
        else refresh.note(signal);
        for (const listener of listeners.current) listener(signal);
      },
    });
    return () => {
      stop();
      refresh.stop();
    };
  }, [client]);

  const listen = useCallback((listener: Listener) => {
    const all = listeners.current;
    all.add(listener);
    return () => void all.delete(listener);
  }, []);
  const live = useMemo<Live>(() => ({ status, listen }), [status, listen]);
  return <Context value={live}>{children}</Context>;
}

export const useLiveStatus = (): Status => useContext(Context).status;

/** Calls onEvent for every event of the desk while the component is mounted. */
export function useDeskEvents(onEvent: (event: DeskEvent) => void): void {
  const { listen } = useContext(Context);
  useEffect(
    () =>
      listen((signal) => {
        if (signal.kind === "ticket") onEvent(signal.event);
      }),
    [listen, onEvent],
  );
}

/** Calls onNotice for every notice while the component is mounted. */
export function useNotices(onNotice: (notice: NoticeEvent) => void): void {
  const { listen } = useContext(Context);
  useEffect(
    () =>
      listen((signal) => {
        if (signal.kind === "notice") onNotice(signal.notice);
      }),
    [listen, onNotice],
  );
}

/** Calls onFinding for every finding while the component is mounted. */
export function useFindings(onFinding: (finding: Evidence) => void): void {
  const { listen } = useContext(Context);
  useEffect(
    () =>
      listen((signal) => {
        if (signal.kind === "finding") onFinding(signal.finding);
      }),
    [listen, onFinding],
  );
}

/** Patches tickets at once and reads lists again at a bounded rate. */
function refresher(client: QueryClient) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stale = new Set<string>();

  const later = (key: string) => {
    stale.add(key);
    timer ??= setTimeout(() => {
      timer = undefined;
      for (const k of stale) void client.invalidateQueries({ queryKey: [k] });
      stale.clear();
    }, REFRESH);
  };

  return {
    note(signal: Signal) {
      if (signal.kind === "reset") void client.invalidateQueries();
      if (signal.kind === "finding") later("findings");
      if (signal.kind === "notice") {
        later("notices");
        later("detectors");
      }
      if (signal.kind === "ticket") {
        const { ticket } = signal.event;
        patchTicket(client, ticket);
        void client.invalidateQueries({ queryKey: ["ticket", ticket.number] });
        void client.invalidateQueries({ queryKey: ["ticket", ticket.id] });
        void client.invalidateQueries({ queryKey: ["device", ticket.device, "detail"] });
        later("tickets");
        later("fleet");
        later("demo");
      }
    },
    stop() {
      clearTimeout(timer);
    },
  };
}

/** Shows the newer state of an open ticket before its details have been read again. */
function patchTicket(client: QueryClient, ticket: Ticket) {
  for (const key of [ticket.id, ticket.number]) {
    client.setQueryData<TicketDetail>(["ticket", key, "detail"], (old) =>
      old && ticket.revision > old.revision ? { ...old, ...ticket } : old,
    );
  }
}
