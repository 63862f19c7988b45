/** The HTTP API: a pure function from request to response; the adapter owns sockets, Host and Origin. */
import { MyelinError } from "@myelin/core/errors";
import { Access, type Caller } from "../access/index.ts";
import type { Audit } from "../audit/index.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "../ports/transport.ts";
import { routesAcross } from "./across.ts";
import { debugHandler, profileHandler } from "./debug.ts";
import { ledgerDocument } from "./ledger.ts";
import type { ApiOptions, HealthOptions } from "./options.ts";
import { AgentsApi } from "./agents.ts";
import { AuditApi } from "./audit.ts";
import { backupHandler } from "./backup.ts";
import { BreakersApi } from "./breakers.ts";
import { EnforcementApi } from "./enforcement.ts";
import { InstructionsApi } from "./instructions.ts";
import { json, Router } from "./router.ts";
import { RulesApi } from "./rules.ts";
import { endWithToken } from "./token-end.ts";
import { TokensApi } from "./tokens.ts";
import { TopApi } from "./top.ts";
import { watchHandler } from "./watch.ts";

/** Makes the handler of a listener that tells health and readiness only; the API is on another one. */
export function createHealth({ unreadiness, hint }: HealthOptions): HttpHandler {
  return async (http) => {
    const isRead = http.method === "GET" || http.method === "HEAD";
    if (isRead && http.path === "/healthz") return json({ status: "ok" });
    if (isRead && http.path === "/readyz") return readiness(unreadiness());
    return errorResponse(
      new MyelinError("NOT_FOUND", `there is no ${http.path} on this listener`, {
        hint: hint ?? "The API has a listener of its own here: call the address of --admin-listen.",
      }),
    );
  };
}

/** Makes the handler of all HTTP requests. */
export function createApi(options: ApiOptions): HttpHandler {
  const open = new Router()
    .on("GET", "/healthz", () => json({ status: "ok" }))
    .on("GET", "/readyz", () => readiness(options.unreadiness()));
  const { lanes } = options;
  const guarded =
    lanes === undefined
      ? routesOf(options)
      : routesOf(options, routesAcross({ ...options, lanes }));
  return async (request) => {
    const response = await answer(request, isOpen(request) ? open : guarded, options);
    return options.enforcement.isOn ? response : saidLoudly(response);
  };
}

/** The routes for those who are admitted, behind others that come first. */
export function routesOf(options: ApiOptions, first: Router = new Router()): Router {
  const agents = new AgentsApi(options);
  const rules = new RulesApi(options);
  const instructions = new InstructionsApi(options);
  const enforcement = new EnforcementApi(options);
  const breakers = new BreakersApi(options);
  const audit = new AuditApi(options);
  const tokens = new TokensApi(options);
  const top = new TopApi(options);
  return first
    .on("GET", "/metrics", async () => {
      const { contentType, text } = await options.metrics();
      return { status: 200, headers: { "content-type": contentType }, body: text };
    })
    .on("GET", "/api/v1/node", () => json(options.describeNode()))
    .on("GET", "/api/v1/top", top.get)
    .on("GET", "/api/v1/watch", watchHandler(options))
    .on("GET", "/api/v1/agents", agents.list)
    .on("GET", "/api/v1/agents/:id", agents.get)
    .on("DELETE", "/api/v1/agents/:id", agents.forget, { act: "agents.forget" })
    .on("GET", "/api/v1/rules", rules.list)
    .on("POST", "/api/v1/rules", rules.apply, { act: "rules.apply" })
    .on("PUT", "/api/v1/rules", rules.replace, { act: "rules.replace" })
    .on("GET", "/api/v1/rules/:name", rules.get)
    .on("DELETE", "/api/v1/rules/:name", rules.delete)
    .on("GET", "/api/v1/rules/:name/versions", rules.versions)
    .on("GET", "/api/v1/rules/:name/diff", rules.diff)
    .on("POST", "/api/v1/rules/:name/rollback", rules.rollback)
    .on("POST", "/api/v1/rules/:name/breaker/close", rules.closeBreaker)
    .on("GET", "/api/v1/breakers", breakers.list)
    .on("POST", "/api/v1/agents/:id/parts/:part/breaker/close", breakers.closeOfPart, {
      act: "agents.breaker.close",
    })
    .on("GET", "/api/v1/enforcement", enforcement.get)
    .on("PUT", "/api/v1/enforcement", enforcement.set, { act: "enforcement.set" })
    .on("POST", "/api/v1/instructions", instructions.send, { act: "instructions.send" })
    .on("GET", "/api/v1/instructions", instructions.list)
    .on("GET", "/api/v1/instructions/:id", instructions.get)
    .on("POST", "/api/v1/instructions/:id/cancel", instructions.cancel)
    .on("GET", "/api/v1/ledger", () => json(ledgerDocument(options.ledger)))
    .on("POST", "/api/v1/backup", backupHandler(options), { act: "backup" })
    .on("GET", "/api/v1/debug", debugHandler(options), { role: "operator" })
    .on("POST", "/api/v1/debug/profile", profileHandler(options), { act: "debug.profile" })
    .on("GET", "/api/v1/audit", audit.list)
    .on("GET", "/api/v1/tokens", tokens.list, { role: "operator" })
    .on("POST", "/api/v1/tokens", tokens.create, { act: "tokens.create" })
    .on("DELETE", "/api/v1/tokens/:id", tokens.revoke, { act: "tokens.revoke" });
}

/** While enforcement is off, every answer says so. */
function saidLoudly(response: HttpResponse): HttpResponse {
  return { ...response, headers: { ...response.headers, "myelin-enforcement": "off" } };
}

/** Who asks for health and readiness. */
const anyone: Caller = {
  actor: "anyone",
  role: "reader",
  tokenId: undefined,
  agents: undefined,
};

function isOpen({ path }: HttpRequest): boolean {
  return path === "/healthz" || path === "/readyz";
}

async function answer(
  request: HttpRequest,
  router: Router,
  { access, audit }: Pick<ApiOptions, "access" | "audit">,
): Promise<HttpResponse> {
  try {
    const caller = isOpen(request) ? anyone : await admit(request, access, audit);
    return endWithToken(await router.answer(request, { caller, audit }), caller, access.tokens);
  } catch (error) {
    return errorResponse(MyelinError.from(error));
  }
}

async function admit(request: HttpRequest, access: Access, audit: Audit): Promise<Caller> {
  const token = Access.tokenOf(request.headers["authorization"]);
  try {
    return access.admit(token);
  } catch (thrown) {
    await audit.refused({
      actor: access.nameOf(token),
      act: `${request.method} ${request.path.slice(0, 80)}`,
      subject: "",
      code: MyelinError.from(thrown).code,
      address: request.remoteAddress,
    });
    throw thrown;
  }
}

/** An error in the one shape of the API. */
export function errorResponse(error: MyelinError): HttpResponse {
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
