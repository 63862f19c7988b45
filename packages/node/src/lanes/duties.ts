import type { TokenRecord } from "../ports/access-records.ts";
import type { RuleRecord } from "../ports/store.ts";
import type { LaneCalls } from "../api/index.ts";
import type { LanePlaces } from "./addresses.ts";

/** Everything that the front asks of a lane; what a lane is told is asked too, so that it is known to be heard. */
export interface LaneDuties extends LaneCalls {
  /** Prepares a change of the rules, in place of one that was prepared before. */
  prepareRules(change: { readonly number: number; readonly records: readonly RuleRecord[] }): void;
  /** Puts the change that was prepared under this number in force. */
  putRules(number: number): void;
  enforce(isOn: boolean): void;
  token(record: TokenRecord): void;
  /** Has the events go to the front, or not any more; gives how many there were until now. */
  watch(isOn: boolean): number;
  places(places: LanePlaces): void;
  drain(boundUs: number): void;
}

/** Name of the front's end of the bus. */
export const frontName = "front";

/** Name of a lane's end of the bus. */
export function busNameOf(lane: number): string {
  return `lane-${lane}`;
}

/** The lane of a name that `busNameOf` gave. */
export function laneNamed(busName: string): number {
  return Number(busName.slice(busNameOf(0).length - 1));
}

/** The lane of an agent, of `count`: FNV-1a over the id, mixed once more, since ids differ in their last digits. */
export function laneOf(agent: string, count: number): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < agent.length; at += 1)
    hash = Math.imul(hash ^ agent.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % count;
}
