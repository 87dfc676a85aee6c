import type { DeskEvent, Evidence, NoticeEvent } from "../api/model";

/** What a tab hears of the server, whichever tab holds the connection. */
export type Signal =
  | { kind: "ticket"; event: DeskEvent }
  | { kind: "finding"; finding: Evidence }
  | { kind: "notice"; notice: NoticeEvent }
  | { kind: "reset" }
  | { kind: "status"; status: Status };

/** State of the one shared connection. */
export type Status = "connecting" | "live" | "offline";

const CHANNEL = "presage.stream";
const LOCK = "presage.stream.leader";

/** Pauses between attempts after a refusal grow from RETRY_MIN to RETRY_MAX milliseconds. */
const RETRY_MIN = 1_000;
const RETRY_MAX = 30_000;

export interface StreamOptions {
  url: string;
  onSignal: (signal: Signal) => void;
}

/**
 * Follows the server's event stream with one connection per browser, because HTTP/1.1 allows six
 * per host and a person keeps more tabs open than that: the tab that holds a Web Lock connects and
 * tells the others over a BroadcastChannel; when it closes, the lock passes on. Browsers without
 * Web Locks connect in each tab.
 *
 * Returns a function that ends it.
 */
export function followStream({ url, onSignal }: StreamOptions): () => void {
  const abort = new AbortController();
  const channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(CHANNEL);
  let leading = false;
  let status: Status = "connecting";

  const tell = (signal: Signal) => {
    if (signal.kind === "status") status = signal.status;
    onSignal(signal);
    channel?.postMessage(signal);
  };

  channel?.addEventListener("message", ({ data }: MessageEvent<Signal | { kind: "hello" }>) => {
    if (data.kind === "hello") {
      if (leading) channel.postMessage({ kind: "status", status } satisfies Signal);
      return;
    }
    if (!leading) onSignal(data);
  });
  // A tab that opens later asks the leader how the connection does.
  channel?.postMessage({ kind: "hello" });

  const lead = () =>
    new Promise<void>((resolve) => {
      leading = true;
      const stop = connect(url, tell);
      abort.signal.addEventListener("abort", () => {
        leading = false;
        stop();
        resolve();
      });
    });

  if (typeof navigator !== "undefined" && "locks" in navigator) {
    navigator.locks.request(LOCK, { signal: abort.signal }, lead).catch(() => {
      // Aborted while waiting for the lock: this tab never led.
    });
  } else {
    void lead();
  }

  return () => {
    abort.abort();
    channel?.close();
  };
}

/**
 * Holds one EventSource open. The browser itself reconnects after a broken connection, with the id
 * of the last event; a refused one (the server restarts, the session ended) is tried again here.
 */
function connect(url: string, tell: (signal: Signal) => void): () => void {
  let source: EventSource | null = null;
  let retry = RETRY_MIN;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let lost = false;

  const open = () => {
    const s = new EventSource(url);
    source = s;
    s.addEventListener("open", () => {
      retry = RETRY_MIN;
      tell({ kind: "status", status: "live" });
      // Resuming is best effort: whatever was missed is read again.
      if (lost) tell({ kind: "reset" });
      lost = false;
    });
    s.addEventListener("error", () => {
      lost = true;
      tell({ kind: "status", status: "offline" });
      if (s.readyState !== EventSource.CLOSED) return;
      timer = setTimeout(open, retry);
      retry = Math.min(retry * 2, RETRY_MAX);
    });
    s.addEventListener("reset", () => tell({ kind: "reset" }));
    s.addEventListener("ticket", (e: MessageEvent<string>) => {
      tell({ kind: "ticket", event: JSON.parse(e.data) as DeskEvent });
    });
    s.addEventListener("notice", (e: MessageEvent<string>) => {
      tell({ kind: "notice", notice: JSON.parse(e.data) as NoticeEvent });
    });
    s.addEventListener("finding", (e: MessageEvent<string>) => {
      tell({ kind: "finding", finding: JSON.parse(e.data) as Evidence });
    });
  };

  open();
  return () => {
    clearTimeout(timer);
    source?.close();
  };
}
