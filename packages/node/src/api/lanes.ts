/** What the front of a node asks its lanes, where there are several. */
import type { InstructionDocument } from "@myelin/core/instruction";
import type { Caller } from "../access/index.ts";
import type { OrderTerms } from "../dispatch/index.ts";
import type { LedgerState } from "../ledger/index.ts";
import type { InstructionRecord } from "../ports/store.ts";
import type { HttpRequest } from "../ports/transport.ts";
import type { Cursor, InstructionFilter } from "./instruction-list.ts";

/** A request of the API, whose caller the front has admitted. */
export interface LaneRequest extends Omit<HttpRequest, "query" | "signal"> {
  readonly query: string;
  readonly caller: Caller;
  /** The front's audit has the act. */
  readonly isAudited: boolean;
}

/** A lane's answer, as the API would give it. */
export interface LaneAnswer {
  readonly status: number;
  readonly body: string;
}

/** What a lane does of an order for all that match. */
export interface Draft {
  readonly batch: string;
  readonly where: string;
  readonly terms: OrderTerms;
}

/** An instruction as a list shows it, and its place there. */
export interface OpenEntry {
  readonly createdAtUs: number;
  readonly document: InstructionDocument;
}

/** What a lane has of a page of open instructions. */
export interface OpenEntries {
  readonly entries: readonly OpenEntry[];
  /** Ids of those that the ledger has, and that are to be shown as open. */
  readonly untold: readonly string[];
}

/** What every lane answers. */
export interface LaneCalls {
  answer(request: LaneRequest): LaneAnswer;
  /** Writes out the instructions for its agents that match; `take` or `drop` follows. */
  draft(draft: Draft): readonly InstructionRecord[];
  take(accepted: { readonly batch: string; readonly records: readonly InstructionRecord[] }): void;
  drop(batch: string): void;
  /** The instructions as they are when all have ended, or after the wait. */
  outcomes(asked: {
    readonly ids: readonly string[];
    readonly waitUs: number;
  }): readonly InstructionDocument[];
  open(asked: {
    readonly filter: InstructionFilter;
    readonly cursor: Cursor | undefined;
    readonly limit: number;
  }): OpenEntries;
  ledger(_: undefined): LedgerState;
  /** Its metrics in Prometheus text format. */
  metrics(_: undefined): string;
  /** Hands what waits for the disk to the store. */
  flush(_: undefined): void;
}

/** The lanes of a node, numbered from 0. */
export interface Lanes {
  readonly count: number;
  /** The lane of an agent. */
  homeOf(agent: string): number;
  /** Asks a lane. @throws MyelinError as the lane does, or UNAVAILABLE */
  call<Name extends keyof LaneCalls>(
    lane: number,
    name: Name,
    argument: Parameters<LaneCalls[Name]>[0],
  ): Promise<ReturnType<LaneCalls[Name]>>;
  /** A name that nothing else has. */
  newName(): string;
  /** Where agents of each lane connect. */
  addresses(): readonly string[];
  /** Resolves when every lane has heard what was told to all of them before. */
  heard(): Promise<void>;
  /** Has the lanes tell what happens to the front's watch, if they do not. */
  beginWatch(): Promise<void>;
}
