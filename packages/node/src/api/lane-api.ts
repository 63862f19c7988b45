/** What one lane of several does of the API, for the front that asks. */
import { MyelinError } from "@myelin/core/errors";
import { parseInstructionId } from "@myelin/core/ids";
import { documentOf, isEnded } from "../instruction/index.ts";
import type { HttpRequest, HttpResponse } from "../ports/transport.ts";
import { selectAgents } from "./agents.ts";
import { errorResponse, routesOf } from "./api.ts";
import { openPage } from "./instruction-list.ts";
import { InstructionsApi } from "./instructions.ts";
import type { LaneCalls, LaneRequest } from "./lanes.ts";
import type { ApiOptions } from "./options.ts";

type Promised<Calls> = {
  [Name in keyof Calls]: Calls[Name] extends (argument: infer Argument) => infer Result
    ? (argument: Argument) => Result | Promise<Result>
    : never;
};

/** An audit that has it already. */
const silent = { record: () => Promise.resolve(), refused: () => Promise.resolve() };

/** Makes what a lane answers its front; `flush` hands to the store what waits. */
export function createLaneApi(
  options: ApiOptions,
  flush: () => Promise<void>,
): Promised<LaneCalls> {
  const routes = routesOf(options);
  const instructions = new InstructionsApi(options);
  const { byHand, dispatch, ledger, registry, store } = options;
  return {
    answer: async (request) => {
      const { isAudited, caller } = request;
      const guard = { caller, audit: isAudited ? silent : options.audit };
      let response: HttpResponse;
      try {
        response = await routes.answer(httpOf(request), guard);
      } catch (thrown) {
        response = errorResponse(MyelinError.from(thrown));
      }
      return { status: response.status, body: textOf(response.body) };
    },
    draft: ({ terms, where, batch }) => {
      const present = selectAgents(registry, where).filter(({ slot }) => slot !== undefined);
      return byHand.draft(terms, present, batch);
    },
    take: ({ batch, records }) => byHand.take(batch, records),
    drop: (batch) => byHand.drop(batch),
    outcomes: async ({ ids, waitUs }) => {
      const found = ids.map((id) => dispatch.find(parseInstructionId(id)));
      const open = found.flatMap((instruction) => instruction ?? []);
      await byHand.settled({ instructions: open }, waitUs);
      return await Promise.all(
        ids.map(async (id, at) => {
          const instruction = found[at];
          if (instruction === undefined) return await instructions.documentById(id);
          return documentOf(dispatch.shown(instruction));
        }),
      );
    },
    open: async ({ filter, cursor, limit }) => {
      const entries = openPage(dispatch.shownOpen(), filter, cursor, limit).map((instruction) => ({
        createdAtUs: instruction.createdAtUs,
        document: documentOf(instruction),
      }));
      const untold = [...dispatch.shownOpen()].flatMap(({ id }) => {
        const instruction = dispatch.find(id);
        return instruction !== undefined && isEnded(instruction) ? id : [];
      });
      // Who asks reads the ledger next, by another way than this lane's entries take: they are there first.
      ledger.flush();
      await store.ledgerById("");
      return { entries, untold };
    },
    ledger: () => ledger.state(),
    metrics: async () => (await options.metrics()).text,
    flush,
  };
}

function httpOf(request: LaneRequest): HttpRequest {
  const { query, method, path, headers, body, remoteAddress, isLoopback } = request;
  return {
    method,
    path,
    headers,
    body,
    remoteAddress,
    isLoopback,
    query: new URLSearchParams(query),
    signal: new AbortController().signal,
  };
}

function textOf(body: HttpResponse["body"]): string {
  return typeof body === "string" ? body : "";
}
