import { MyelinError } from "@myelin/core/errors";
import { queryInteger, requireKnown } from "./fields.ts";
import { type ApiHandler, json } from "./router.ts";

/** What can be told of the node's process, without secrets. */
export interface DebugSource {
  /** How the node was started, its process, how its former run ended, and its latest log lines; of a lane, its thread and lines. */
  document(): unknown;
  /** What the thread was busy with for so long, as `.cpuprofile`. @throws MyelinError CONFLICT while another is made */
  profile(seconds: number, signal: AbortSignal): Promise<unknown>;
}

export interface DebugApiOptions {
  /** Absent where nothing is told of the process. */
  readonly debug?: DebugSource;
}

const maxProfileSeconds = 60;

/** GET /debug */
export function debugHandler({ debug }: DebugApiOptions): ApiHandler {
  return ({ http }) => {
    requireKnown(http.query, []);
    return json(present(debug).document());
  };
}

/** POST /debug/profile?seconds= */
export function profileHandler({ debug }: DebugApiOptions): ApiHandler {
  return async ({ http, note }) => {
    requireKnown(http.query, ["seconds"]);
    const seconds = queryInteger(http.query, "seconds", 1, maxProfileSeconds, 10);
    note.details = { seconds };
    return json(await present(debug).profile(seconds, http.signal));
  };
}

function present(debug: DebugSource | undefined): DebugSource {
  if (debug !== undefined) return debug;
  throw new MyelinError("CONFLICT", "this node tells nothing of its process");
}
