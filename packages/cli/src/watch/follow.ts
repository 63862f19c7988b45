/**
 * Watches a node over broken connections and restarts.
 *
 * Invariants
 * 1. It comes again with the last cursor it has read, so the node tells what is missing or that it is lost.
 * 2. What cannot be mended by coming again ends it: a refusal, or no node at the first try.
 */
import { type ErrorCode, MyelinError } from "@myelin/core/errors";
import type { JsonObject } from "@myelin/core/json";
import type { NodeClient } from "../client/index.ts";
import { readEvents } from "./event-stream.ts";

/** An event of a node, or what the node tells of the watching itself: `begin`, `reset`, `lost`. */
export interface WatchEvent {
  readonly name: string;
  readonly data: JsonObject;
}

export interface FollowOptions {
  readonly client: Pick<NodeClient, "open">;
  /** Parameters of the watch, without the cursor. */
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly cursor: string | undefined;
  readonly signal: AbortSignal;
  /** Told when the connection broke, and why. */
  readonly onBroken: (error: MyelinError) => void;
  /** Waits before the next try. */
  readonly pause: (durationMs: number, signal: AbortSignal) => Promise<void>;
  /** In [0, 1), for the length of pauses. */
  readonly random: () => number;
}

const firstPauseMs = 250;
const longestPauseMs = 5000;
/** Without a byte for so long the connection counts as broken: a node gives a sign of life every 15 s. */
const silenceMs = 40_000;
const final: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "INVALID_ARGUMENT",
  "UNAUTHENTICATED",
  "PERMISSION_DENIED",
  "NOT_FOUND",
]);

/** Yields what happens at a node until `signal`. @throws MyelinError what the node refuses with; UNAVAILABLE at the first try */
export async function* follow(options: FollowOptions): AsyncGenerator<WatchEvent> {
  const { signal, onBroken, pause, random } = options;
  let { cursor } = options;
  let isKnown = false;
  let tries = 0;
  while (!signal.aborted) {
    let error = new MyelinError("UNAVAILABLE", "the node ended the connection");
    try {
      for await (const { name, id, data } of connection(options, cursor)) {
        [isKnown, tries] = [true, 0];
        cursor = id ?? cursor;
        if (data === undefined) continue;
        if (name === "goodbye") error = MyelinError.fromDocument(data);
        else yield { name, data };
      }
    } catch (thrown) {
      error = MyelinError.from(thrown);
      if (!isKnown && !signal.aborted) throw error;
    }
    if (signal.aborted) return;
    if (final.has(error.code)) throw error;
    onBroken(error);
    const longestMs = Math.min(longestPauseMs, firstPauseMs * 2 ** tries);
    await pause(longestMs * (0.5 + random() / 2), signal);
    tries += 1;
  }
}

async function* connection(
  { client, query, signal }: FollowOptions,
  cursor: string | undefined,
): ReturnType<typeof readEvents> {
  const silent = new AbortController();
  const timer = setTimeout(() => silent.abort(), silenceMs);
  timer.unref();
  const either = AbortSignal.any([signal, silent.signal]);
  try {
    const bytes = await client.open("/api/v1/watch", { ...query, cursor }, either);
    yield* readEvents(bytes, () => timer.refresh());
  } catch (thrown) {
    if (thrown instanceof MyelinError) throw thrown;
    throw new MyelinError("UNAVAILABLE", "the connection to the node broke", { cause: thrown });
  } finally {
    clearTimeout(timer);
  }
}
