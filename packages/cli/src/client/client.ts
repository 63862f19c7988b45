import { MyelinError } from "@myelin/core/errors";
import { isJsonObject, type JsonObject } from "@myelin/core/json";

/** Which node to call, and with what. */
export interface NodeAddress {
  /** `http://…` or `ws://…`; MYELIN_URL, or the default port on this machine. */
  readonly url: string;
  readonly token: string | undefined;
}

/** Calls a node's HTTP API. */
export class NodeClient {
  readonly #base: URL;
  readonly #token: string | undefined;

  /** @throws MyelinError INVALID_ARGUMENT for an address that is none */
  constructor({ url, token }: NodeAddress) {
    this.#base = baseOf(url);
    this.#token = token;
  }

  /** Address of the node, as shown in messages. */
  get address(): string {
    return this.#base.origin;
  }

  get(path: string, query: Readonly<Record<string, string | undefined>> = {}): Promise<JsonObject> {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) search.set(name, value);
    return this.#call("GET", search.size === 0 ? path : `${path}?${search}`);
  }

  /** Posts a JSON document, or a text as it is. */
  post(path: string, body: JsonObject | string): Promise<JsonObject> {
    return this.#call("POST", path, body);
  }

  delete(path: string): Promise<JsonObject> {
    return this.#call("DELETE", path);
  }

  async #call(method: string, path: string, body?: JsonObject | string): Promise<JsonObject> {
    const headers: Record<string, string> = { accept: "application/json" };
    if (this.#token !== undefined) headers["authorization"] = `Bearer ${this.#token}`;
    if (body !== undefined)
      headers["content-type"] = typeof body === "string" ? "application/yaml" : "application/json";
    let response: Response;
    try {
      response = await fetch(new URL(path, this.#base), {
        method,
        headers,
        ...(body === undefined
          ? {}
          : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
    } catch (cause) {
      throw new MyelinError("UNAVAILABLE", `no node answers at ${this.address}`, {
        hint: "Start one with `myelin up`, or name it with --url or MYELIN_URL.",
        cause,
      });
    }
    const document: unknown = await response.json().catch(() => undefined);
    if (response.ok && isJsonObject(document)) return document;
    if (isJsonObject(document)) throw MyelinError.fromDocument(document);
    throw new MyelinError(
      "UNAVAILABLE",
      `${this.address} answered ${response.status}, and not as a node does`,
    );
  }
}

/** Where a node's HTTP API is, by any of its addresses on TCP. @throws MyelinError INVALID_ARGUMENT */
export function baseOf(url: string): URL {
  const http = url.replace(/^ws(s?):/, "http$1:");
  if (/^https?:\/\//.test(http) && URL.canParse(http)) return new URL("/", http);
  throw new MyelinError("INVALID_ARGUMENT", `${JSON.stringify(url)} is no address of a node`, {
    hint: "Write it like http://127.0.0.1:7400.",
  });
}
