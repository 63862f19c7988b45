/** The HTTP API: a pure function from request to response; the adapter owns sockets, Host and Origin. */
import { MyelinError } from "@myelin/core/errors";
import { Access } from "../access/index.ts";
import type { Ledger } from "../ledger/index.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "../ports/transport.ts";
import { AgentsApi, type AgentsApiOptions } from "./agents.ts";
import { InstructionsApi, type InstructionsApiOptions } from "./instructions.ts";
import { json, Router } from "./router.ts";
import { RulesApi, type RulesApiOptions } from "./rules.ts";

export interface ApiOptions extends AgentsApiOptions, InstructionsApiOptions, RulesApiOptions {
  readonly ledger: Ledger;
  readonly access: Access;
  /** What the node says of itself. */
  readonly describeNode: () => unknown;
  /** Undefined when the node is ready, else why it is not. */
  readonly unreadiness: () => string | undefined;
  /** The metrics in Prometheus text format, with their content type. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

/** Makes the handler of all HTTP requests. */
export function createApi(options: ApiOptions): HttpHandler {
  const agents = new AgentsApi(options);
  const rules = new RulesApi(options);
  const instructions = new InstructionsApi(options);
  const open = new Router()
    .on("GET", "/healthz", () => json({ status: "ok" }))
    .on("GET", "/readyz", () => readiness(options.unreadiness()));
  const guarded = new Router()
    .on("GET", "/metrics", async () => {
      const { contentType, text } = await options.metrics();
      return { status: 200, headers: { "content-type": contentType }, body: text };
    })
    .on("GET", "/api/v1/node", () => json(options.describeNode()))
    .on("GET", "/api/v1/agents", agents.list)
    .on("GET", "/api/v1/agents/:id", agents.get)
    .on("DELETE", "/api/v1/agents/:id", agents.forget)
    .on("GET", "/api/v1/rules", rules.list)
    .on("POST", "/api/v1/rules", rules.apply)
    .on("GET", "/api/v1/rules/:name", rules.get)
    .on("DELETE", "/api/v1/rules/:name", rules.delete)
    .on("POST", "/api/v1/rules/:name/breaker/close", rules.closeBreaker)
    .on("POST", "/api/v1/instructions", instructions.send)
    .on("GET", "/api/v1/instructions", instructions.list)
    .on("GET", "/api/v1/instructions/:id", instructions.get)
    .on("POST", "/api/v1/instructions/:id/cancel", instructions.cancel)
    .on("GET", "/api/v1/ledger", () => json(ledgerDocument(options.ledger)));
  return async (request) => await answer(request, isOpen(request) ? open : guarded, options.access);
}

function isOpen({ path }: HttpRequest): boolean {
  return path === "/healthz" || path === "/readyz";
}

async function answer(request: HttpRequest, router: Router, access: Access): Promise<HttpResponse> {
  try {
    const actor = isOpen(request)
      ? "anyone"
      : access.admit(Access.tokenOf(request.headers["authorization"]));
    return await router.answer(request, actor);
  } catch (error) {
    return errorResponse(MyelinError.from(error));
  }
}

/** An error in the one shape of the API. */
function errorResponse(error: MyelinError): HttpResponse {
  const response = json(error.toJSON(), error.httpStatus);
  return error.code === "UNAUTHENTICATED"
    ? { ...response, headers: { "www-authenticate": "Bearer" } }
    : response;
}

function readiness(why: string | undefined): HttpResponse {
  return why === undefined
    ? json({ status: "ready" })
    : json({ status: "not ready", reason: why }, 503);
}

function ledgerDocument(ledger: Ledger): unknown {
  const rules = Object.fromEntries(
    [...ledger.figuresByRule()].map(([rule, figures]) => [rule, figures]),
  );
  return { fleet: ledger.figures(), rules };
}
