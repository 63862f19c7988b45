import { isJsonObject, type JsonObject, type JsonValue } from "@myelin/core/json";

/** Orders of the agents, as the node knows them. */
export const sorts = ["state", "cpu", "age", "id"] as const;
export type Sort = (typeof sorts)[number];

/** What the view shows: the node's latest answer, and how the view stands. */
export interface TopState {
  /** Address of the node. */
  readonly address: string;
  /** Answer of `GET /api/v1/top`; undefined before the first. */
  readonly document: JsonObject | undefined;
  /** Why the latest call was not answered; undefined when it was. */
  readonly problem: string | undefined;
  readonly sort: Sort;
  /** Agents that are scrolled past. */
  readonly scrolled: number;
}

/** An object within a document; empty where there is none. */
export function objectAt(document: JsonObject | undefined, ...path: readonly string[]): JsonObject {
  let found: JsonValue | undefined = document;
  for (const name of path) found = isJsonObject(found) ? found[name] : undefined;
  return isJsonObject(found) ? found : {};
}
