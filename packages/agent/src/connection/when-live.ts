import { MyelinError } from "@myelin/core/errors";
import type { AgentClock } from "../time/index.ts";
import type { AgentStatus } from "./status.ts";
import type { StatusBoard } from "./status-board.ts";

/** Until when to wait for the first welcome. */
export interface ConnectOptions {
  /** Gives up when it is aborted, with its reason. */
  readonly signal?: AbortSignal;
  /** Gives up after this, in milliseconds, with why the last try failed as its cause; never by default. */
  readonly timeoutMs?: number;
}

/** Resolves when the status is live, rejects when it is closed, and closes when the caller gives up. */
export function whenLive(
  board: StatusBoard,
  clock: AgentClock,
  close: () => void,
  { signal, timeoutMs }: ConnectOptions,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let lastCause: MyelinError | undefined;
    const settle = (status: AgentStatus): void => {
      if (status.state === "waiting") lastCause = status.cause;
      if (status.state !== "live" && status.state !== "closed") return;
      stopListening();
      timer?.cancel();
      signal?.removeEventListener("abort", onAbort);
      if (status.state === "live") resolve();
      else reject(status.cause ?? new MyelinError("CANCELED", "the agent was closed"));
    };
    const giveUp = (reason: Error): void => {
      // The first reason counts; the one that closing brings comes after it.
      reject(reason);
      close();
    };
    const onAbort = (): void => giveUp(signal?.reason);
    const onTimeout = (): void => {
      const message = `no welcome within ${timeoutMs} ms`;
      giveUp(
        lastCause === undefined
          ? new MyelinError("TIMEOUT", message)
          : new MyelinError("TIMEOUT", `${message}: ${lastCause.message}`, { cause: lastCause }),
      );
    };
    const stopListening = board.listen(settle);
    const timer = timeoutMs === undefined ? undefined : clock.schedule(timeoutMs * 1e3, onTimeout);
    signal?.addEventListener("abort", onAbort);
    if (signal?.aborted === true) onAbort();
    else settle(board.status);
  });
}
