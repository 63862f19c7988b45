import type { TlsFileNames } from "@myelin/agent/tls-files";
import { MyelinError, tlsFaultOf } from "@myelin/core/errors";
import { isJsonObject, type JsonObject } from "@myelin/core/json";

/** Which node to call, and with what. */
export interface NodeAddress {
  /** `http://…` or `ws://…`; MYELIN_URL, or the default port on this machine. */
  readonly url: string;
  readonly token: string | undefined;
  /** Whom to trust over `https:`, and what to prove oneself with. */
  readonly tls?: TlsFileNames;
  /** A call that is not answered by then has failed; without it, it waits for as long as the connection lasts. */
  readonly answerWithinMs?: number;
}

/** Headers beside those that every call has. */
type Headers = Readonly<Record<string, string>>;

/** Calls a node's HTTP API. */
export class NodeClient {
  readonly #base: URL;
  readonly #token: string | undefined;
  readonly #tls: TlsFileNames;
  readonly #answerWithinMs: number | undefined;
  readonly #onUnenforced: (() => void) | undefined;

  /**
   * @param onUnenforced Told once when an answer says that the node's enforcement is off.
   * @throws MyelinError INVALID_ARGUMENT for an address that is none
   */
  constructor({ url, token, tls, answerWithinMs }: NodeAddress, onUnenforced?: () => void) {
    this.#base = baseOf(url);
    this.#token = token;
    this.#tls = tls ?? {};
    this.#answerWithinMs = answerWithinMs;
    let isTold = false;
    this.#onUnenforced = () => {
      if (!isTold) onUnenforced?.();
      isTold = true;
    };
  }

  /** Address of the node, as shown in messages. */
  get address(): string {
    return this.#base.origin;
  }

  get(path: string, query: Readonly<Record<string, string | undefined>> = {}): Promise<JsonObject> {
    return this.#call("GET", withQuery(path, query));
  }

  /** Gets what is no JSON. */
  async text(path: string): Promise<string> {
    const response = await this.#send("GET", path);
    if (!response.ok) throw await this.#refusal(response);
    return await response.text();
  }

  /** Posts a JSON document, or a text as it is. */
  post(path: string, body: JsonObject | string, headers?: Headers): Promise<JsonObject> {
    return this.#call("POST", path, body, headers);
  }

  /** Puts a JSON document, or a text as it is. */
  put(path: string, body: JsonObject | string, headers?: Headers): Promise<JsonObject> {
    return this.#call("PUT", path, body, headers);
  }

  delete(path: string, headers?: Headers): Promise<JsonObject> {
    return this.#call("DELETE", path, undefined, headers);
  }

  /** Posts, and gives the bytes that are answered; reading them throws when the answer is cut off. */
  async download(path: string): Promise<AsyncIterable<Uint8Array>> {
    const response = await this.#send("POST", path);
    if (response.ok && response.body !== null) return this.#whole(response.body);
    throw await this.#refusal(response);
  }

  /** Opens an answer that goes on until `signal`, and gives its bytes as they come. */
  async open(
    path: string,
    query: Readonly<Record<string, string | undefined>>,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>> {
    const response = await this.#send("GET", withQuery(path, query), undefined, {}, signal);
    if (response.ok && response.body !== null) return response.body;
    throw await this.#refusal(response);
  }

  async #call(
    method: string,
    path: string,
    body?: JsonObject | string,
    more?: Headers,
  ): Promise<JsonObject> {
    const within = this.#answerWithinMs;
    const signal = within === undefined ? undefined : AbortSignal.timeout(within);
    const response = await this.#send(method, path, body, more, signal);
    if (response.headers.get("myelin-enforcement") === "off") this.#onUnenforced?.();
    if (!response.ok) throw await this.#refusal(response);
    const document: unknown = await response.json().catch(() => undefined);
    if (isJsonObject(document)) return document;
    throw this.#foreign(response);
  }

  async #send(
    method: string,
    path: string,
    body?: JsonObject | string,
    more: Headers = {},
    signal?: AbortSignal,
  ): Promise<Response> {
    const headers: Record<string, string> = { accept: "application/json", ...more };
    if (this.#token !== undefined) headers["authorization"] = `Bearer ${this.#token}`;
    if (body !== undefined)
      headers["content-type"] = typeof body === "string" ? "application/yaml" : "application/json";
    const url = new URL(path, this.#base);
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const request = {
      method,
      headers,
      ...(signal === undefined ? {} : { signal }),
      ...(body === undefined ? {} : { body: text }),
    };
    try {
      if (url.protocol === "http:") return await fetch(url, request);
      const { fetchSecurely } = await import("./secure-fetch.ts");
      return await fetchSecurely(url, request, this.#tls);
    } catch (cause) {
      throw unreachable(this.address, cause);
    }
  }

  async *#whole(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* bytes;
    } catch (cause) {
      // Bytes cannot say why they end, so the node is asked: it may not admit this caller any more.
      await this.get("/api/v1/node");
      const message = `${this.address} cut its answer off before it was whole`;
      throw new MyelinError("UNAVAILABLE", message, { hint: "Try it again.", cause });
    }
  }

  async #refusal(response: Response): Promise<MyelinError> {
    const document: unknown = await response.json().catch(() => undefined);
    return isJsonObject(document) ? MyelinError.fromDocument(document) : this.#foreign(response);
  }

  #foreign({ status }: Response): MyelinError {
    return new MyelinError(
      "UNAVAILABLE",
      `${this.address} answered ${status}, and not as a node does`,
    );
  }
}

function unreachable(address: string, cause: unknown): MyelinError {
  if (cause instanceof MyelinError) return cause;
  const code = codeOf(cause) ?? (cause instanceof Error ? codeOf(cause.cause) : undefined);
  const fault = tlsFaultOf(code);
  if (fault !== undefined) {
    const { message, hint } = fault;
    return new MyelinError("UNAVAILABLE", `no node at ${address}: ${message}`, { hint, cause });
  }
  const isCut = code === "ECONNRESET" || code === "UND_ERR_SOCKET";
  return new MyelinError("UNAVAILABLE", `no node answers at ${address}`, {
    hint: isCut
      ? "It cut the connection off: does it speak TLS (https:), or ask for a client's certificate (--cert, --key)?"
      : "Start one with `myelin up`, or name it with --url or MYELIN_URL.",
    cause,
  });
}

function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && "code" in thrown ? String(thrown.code) : undefined;
}

function withQuery(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) search.set(name, value);
  return search.size === 0 ? path : `${path}?${search}`;
}

/** Where a node can be called that listens on `host`, as a URL writes it: on all addresses is on this machine's own too. */
export function reachableHost(host: string): string {
  const name = host === "0.0.0.0" ? "127.0.0.1" : host === "::" || host === "[::]" ? "::1" : host;
  return name.includes(":") && !name.startsWith("[") ? `[${name}]` : name;
}

/** Where a node's HTTP API is, by any of its addresses on TCP. @throws MyelinError INVALID_ARGUMENT */
export function baseOf(url: string): URL {
  const http = url.replace(/^ws(s?):/, "http$1:");
  if (/^https?:\/\//.test(http) && URL.canParse(http)) return new URL("/", http);
  throw new MyelinError("INVALID_ARGUMENT", `${JSON.stringify(url)} is no address of a node`, {
    hint: "Write it like http://127.0.0.1:7400.",
  });
}
