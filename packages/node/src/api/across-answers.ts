/** What the front and its lanes say to each other, as the API reads it. */
import { MyelinError } from "@myelin/core/errors";
import { isJsonObject, type JsonObject, type JsonValue } from "@myelin/core/json";
import type { LaneAnswer, LaneRequest } from "./lanes.ts";
import type { ApiRequest } from "./router.ts";

/** A request as it is passed to a lane. */
export function laneRequestOf({ http, caller }: ApiRequest, isAudited: boolean): LaneRequest {
  const { method, path, query, headers, body, remoteAddress, isLoopback } = http;
  const said = { method, path, headers, body, remoteAddress, isLoopback };
  return { ...said, query: query.toString(), caller, isAudited };
}

/** The document of an answer. @throws MyelinError what the answer refuses with */
export function documentOfAnswer({ status, body }: LaneAnswer): JsonObject {
  const document: unknown = JSON.parse(body);
  if (!isJsonObject(document))
    throw new MyelinError("INTERNAL", "a lane answered with no document");
  if (status < 400) return document;
  throw MyelinError.fromDocument(document);
}

/** The objects of a list. */
export function listOf(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter((item): item is JsonObject => isJsonObject(item)) : [];
}

/** A text of a document; "" where there is none. */
export function textIn(document: JsonObject, name: string): string {
  const value = document[name];
  return typeof value === "string" ? value : "";
}

/** A number of a document; 0 where there is none. */
export function numberIn(document: JsonObject, name: string): number {
  const value = document[name];
  return typeof value === "number" ? value : 0;
}
