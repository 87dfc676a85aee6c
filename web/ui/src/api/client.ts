/** What the server answers when it refuses (RFC 9457 problem details). */
export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly errors: readonly string[];

  constructor(status: number, title: string, detail: string, errors: readonly string[] = []) {
    super(detail || title);
    this.name = "Problem";
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.errors = errors;
  }
}

/** Status of a {@link Problem} for a server that could not be reached at all. */
export const UNREACHABLE = 0;

export type Query = Record<string, string | number | boolean | readonly string[] | undefined>;

/** Builds the address of an API resource. Empty values are left out; lists repeat their key. */
export function address(path: string, query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined || value === "") continue;
    if (Array.isArray(value)) for (const v of value as readonly string[]) params.append(key, v);
    else params.set(key, String(value));
  }
  const text = params.toString();
  return `/api/v1${path}${text ? `?${text}` : ""}`;
}

async function problemOf(response: Response): Promise<Problem> {
  const fallback = response.statusText || `HTTP ${response.status}`;
  try {
    const body = (await response.json()) as {
      title?: string;
      detail?: string;
      errors?: { message?: string; location?: string }[];
    };
    const errors = (body.errors ?? []).map((e) => [e.location, e.message].filter(Boolean).join(": "));
    return new Problem(response.status, body.title ?? fallback, body.detail ?? "", errors);
  } catch {
    return new Problem(response.status, fallback, "");
  }
}

async function call<T>(method: string, url: string, body: unknown, signal?: AbortSignal): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  // Unsafe methods with a cookie need a header that no foreign form can send.
  if (method !== "GET") headers["X-Requested-With"] = "presage";
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      headers,
      credentials: "same-origin",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new Problem(UNREACHABLE, "", "");
  }
  if (!response.ok) throw await problemOf(response);
  const text = await response.text();
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

export function get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  return call<T>("GET", address(path, query), undefined, signal);
}

export function post<T>(path: string, body: unknown = {}): Promise<T> {
  return call<T>("POST", address(path), body);
}

export function put<T>(path: string, body: unknown): Promise<T> {
  return call<T>("PUT", address(path), body);
}

export function patch<T>(path: string, body: unknown): Promise<T> {
  return call<T>("PATCH", address(path), body);
}

export function remove(path: string): Promise<unknown> {
  return call("DELETE", address(path), undefined);
}

/** Reads a resource that is text, such as the catalogue in YAML. */
export async function getText(path: string, signal?: AbortSignal): Promise<string> {
  const response = await fetch(address(path), {
    credentials: "same-origin",
    headers: { Accept: "application/yaml, text/yaml, application/json" },
    ...(signal ? { signal } : {}),
  }).catch((cause: unknown) => {
    if (signal?.aborted) throw cause;
    throw new Problem(UNREACHABLE, "", "");
  });
  if (!response.ok) throw await problemOf(response);
  return response.text();
}
