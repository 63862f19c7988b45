import type { NodeFlags } from "../context.ts";
import type { RestartPolicy } from "../supervisor/index.ts";

/** What `myelin run` can be told. */
export interface RunFlags extends NodeFlags {
  readonly id?: string;
  readonly type?: string;
  readonly label?: readonly (readonly [string, string])[];
  /** The part that the command joins as. */
  readonly part: string;
  readonly restart: RestartPolicy;
  readonly maxRestarts?: number;
  /** Milliseconds. */
  readonly grace: number;
  /** Samples a second. */
  readonly sampleRate: number;
}
