import { MyelinError } from "@myelin/core/errors";
import { isJsonObject, type JsonObject } from "@myelin/core/json";
import { Access, type Caller } from "../access/index.ts";
import type { HttpRequest, HttpResponse } from "../ports/transport.ts";
import { ActNote, type AuditWriter } from "./act.ts";

/** A request that was routed, with the path's parameters and the one who asks. */
export interface ApiRequest {
  readonly http: HttpRequest;
  readonly parameters: Readonly<Record<string, string>>;
  readonly actor: string;
  readonly caller: Caller;
  /** What the audit is told, where the request acts. */
  readonly note: ActNote;
}

/** An answer, and how it ends when its caller is not admitted any more. */
export interface ApiResponse extends HttpResponse {
  /** What a stream says last, and why; one that has no such words is cut off, lest it seem whole. */
  readonly lastWords?: (why: MyelinError) => string;
}

/** Answers a routed request. */
export type ApiHandler = (request: ApiRequest) => Promise<ApiResponse> | ApiResponse;

/** What a route asks of its callers, and what the audit calls it. */
export interface RouteOptions {
  /** The least role; `reader` for what only reads, else `operator`. */
  readonly role?: "operator" | "reader";
  /** Name of the act; by path and method unless given. What only reads is no act. */
  readonly act?: string;
  /** The request goes to a lane as it is, whose audit has it then. */
  readonly isPassedOn?: true;
}

interface Route {
  readonly method: string;
  readonly pattern: RegExp;
  readonly handler: ApiHandler;
  readonly role: "operator" | "reader";
  readonly act: string | undefined;
}

/** Where an act is noted, and who is refused. */
export interface Guard {
  readonly caller: Caller;
  readonly audit: AuditWriter;
}

/** Finds the handler of a method and path; `:name` in a path matches one segment. */
export class Router {
  readonly #routes: Route[] = [];

  on(method: string, path: string, handler: ApiHandler, options: RouteOptions = {}): this {
    const pattern = new RegExp(`^${path.replaceAll(/:([a-zA-Z]+)/g, "(?<$1>[^/]+)")}/?$`);
    const reads = method === "GET";
    this.#routes.push({
      method,
      pattern,
      handler,
      role: options.role ?? (reads ? "reader" : "operator"),
      act: reads || options.isPassedOn === true ? undefined : (options.act ?? actOf(method, path)),
    });
    return this;
  }

  /** @throws MyelinError NOT_FOUND, PERMISSION_DENIED, INVALID_ARGUMENT for a path that is not well encoded */
  async answer(http: HttpRequest, guard: Guard): Promise<ApiResponse> {
    const allowed: string[] = [];
    for (const route of this.#routes) {
      const { method, pattern } = route;
      const match = pattern.exec(http.path);
      if (match === null) continue;
      const isHead = http.method === "HEAD" && method === "GET";
      if (method !== http.method && !isHead) {
        allowed.push(method);
        continue;
      }
      return await perform(route, http, decoded(match.groups ?? {}), guard);
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

async function perform(
  { handler, role, act }: Route,
  http: HttpRequest,
  parameters: Record<string, string>,
  { caller, audit }: Guard,
): Promise<ApiResponse> {
  const { actor } = caller;
  const subject = Object.values(parameters)[0] ?? "";
  const who = { actor, act: act ?? `read ${http.path}`, address: http.remoteAddress };
  try {
    Access.requireRole(caller, role);
  } catch (thrown) {
    const { code } = MyelinError.from(thrown);
    await audit.refused({ ...who, subject, code });
    throw thrown;
  }
  const note = new ActNote(audit, who, subject);
  const request = { http, actor, caller, parameters, note };
  return act === undefined ? await handler(request) : await note.around(() => handler(request));
}

/** `rules.breaker.close` for `/api/v1/rules/:name/breaker/close`; what is deleted ends with `delete`. */
function actOf(method: string, path: string): string {
  const words = path.split("/").filter((word) => word !== "" && !word.startsWith(":"));
  const verb = method === "POST" ? [] : [method.toLowerCase()];
  return [...words.slice(2), ...verb].join(".");
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
