import { MyelinError } from "@myelin/core/errors";
import { isJsonObject, type JsonObject } from "@myelin/core/json";
import type { HttpRequest, HttpResponse } from "../ports/transport.ts";

/** A request that was routed, with the path's parameters and the one who asks. */
export interface ApiRequest {
  readonly http: HttpRequest;
  readonly parameters: Readonly<Record<string, string>>;
  readonly actor: string;
}

/** Answers a routed request. */
export type ApiHandler = (request: ApiRequest) => Promise<HttpResponse> | HttpResponse;

interface Route {
  readonly method: string;
  readonly pattern: RegExp;
  readonly handler: ApiHandler;
}

/** Finds the handler of a method and path; `:name` in a path matches one segment. */
export class Router {
  readonly #routes: Route[] = [];

  on(method: string, path: string, handler: ApiHandler): this {
    const pattern = new RegExp(`^${path.replaceAll(/:([a-zA-Z]+)/g, "(?<$1>[^/]+)")}/?$`);
    this.#routes.push({ method, pattern, handler });
    return this;
  }

  /** @throws MyelinError NOT_FOUND, INVALID_ARGUMENT for a path that is not well encoded */
  async answer(http: HttpRequest, actor: string): Promise<HttpResponse> {
    const allowed: string[] = [];
    for (const { method, pattern, handler } of this.#routes) {
      const match = pattern.exec(http.path);
      if (match === null) continue;
      const isHead = http.method === "HEAD" && method === "GET";
      if (method !== http.method && !isHead) {
        allowed.push(method);
        continue;
      }
      return await handler({ http, actor, parameters: decoded(match.groups ?? {}) });
    }
    if (allowed.length > 0) {
      const error = new MyelinError(
        "INVALID_ARGUMENT",
        `${http.path} does not take ${http.method}`,
        { hint: `Use ${allowed.join(" or ")}.` },
      );
      return { ...json(error.toJSON(), 405), headers: { allow: allowed.join(", ") } };
    }
    throw new MyelinError("NOT_FOUND", `there is nothing at ${http.path}`, {
      hint: "See the HTTP API in the documentation.",
    });
  }
}

function decoded(groups: Record<string, string>): Record<string, string> {
  const parameters: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(groups)) {
    try {
      parameters[name] = decodeURIComponent(value);
    } catch (cause) {
      throw new MyelinError(
        "INVALID_ARGUMENT",
        `${JSON.stringify(value.slice(0, 80))} is not well percent-encoded`,
        { cause },
      );
    }
  }
  return parameters;
}

/** An answer in JSON. */
export function json(document: unknown, status = 200): HttpResponse {
  return { status, body: `${JSON.stringify(document)}\n` };
}

/** The body as text. @throws MyelinError INVALID_ARGUMENT when it is not UTF-8 */
export function bodyText(http: HttpRequest): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(http.body);
  } catch (cause) {
    throw new MyelinError("INVALID_ARGUMENT", "the body is not UTF-8", { cause });
  }
}

/** The body as a JSON object. @throws MyelinError INVALID_ARGUMENT */
export function bodyObject(http: HttpRequest): JsonObject {
  const text = bodyText(http);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    const { message } = MyelinError.from(cause);
    throw new MyelinError("INVALID_ARGUMENT", `the body is not JSON: ${message}`, { cause });
  }
  if (isJsonObject(document)) return document;
  throw new MyelinError("INVALID_ARGUMENT", "the body is not a JSON object");
}
