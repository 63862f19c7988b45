import type { JsonObject, JsonValue } from "../json/index.ts";
import type { AgentAttributes } from "../rules/index.ts";

/** One sample; `timeUs` is whole microseconds on the node's clock. */
export interface RecordedSample {
  readonly metric: string;
  readonly value: number;
  readonly timeUs: number;
}

/**
 * One thing that a node told its rules, in the order of the telling. Instants are microseconds on the node's clock:
 * `atUs` is when it was told, as exactly as the clock says, `timeUs` when it happened at the agent. Replaying all of it gives what the rules decided.
 */
export type Recorded =
  /** A run of a node begins: nobody is there. */
  | { readonly kind: "start"; readonly atUs: number }
  /** Nothing was recorded from the instant before to this: so many inputs are missing. */
  | { readonly kind: "gap"; readonly atUs: number; readonly count: number }
  | {
      readonly kind: "join";
      readonly atUs: number;
      readonly agent: string;
      readonly attributes: AgentAttributes;
    }
  | { readonly kind: "leave"; readonly atUs: number; readonly agent: string }
  | {
      readonly kind: "attributes";
      readonly atUs: number;
      readonly agent: string;
      readonly attributes: AgentAttributes;
    }
  /** A part begins a time line: a new incarnation, or a step of its clock. */
  | {
      readonly kind: "line";
      readonly atUs: number;
      readonly agent: string;
      readonly part: number;
      readonly line: string;
    }
  /** The samples of one frame, in order of time. */
  | {
      readonly kind: "samples";
      readonly atUs: number;
      readonly agent: string;
      readonly part: number;
      readonly samples: readonly RecordedSample[];
    }
  | {
      readonly kind: "event";
      readonly atUs: number;
      readonly agent: string;
      readonly part: number;
      readonly timeUs: number;
      readonly type: string;
      readonly attrs: Readonly<Record<string, JsonValue>>;
    }
  /** The state that an agent reports has changed: the whole of it, and which of its top-level fields may differ (all when absent). */
  | {
      readonly kind: "twin";
      readonly atUs: number;
      readonly agent: string;
      readonly part: number;
      readonly timeUs: number;
      readonly twin: JsonObject;
      readonly fields?: readonly string[];
    }
  /** An instruction of a rule ended, at `endedAtUs` where that is not when it was told. */
  | {
      readonly kind: "end";
      readonly atUs: number;
      readonly agent: string;
      readonly rule: string;
      readonly attempt: number;
      readonly startedAtUs: number;
      readonly endedAtUs?: number;
      readonly succeeded: boolean;
    }
  /** Timers that were due ran. */
  | { readonly kind: "timers"; readonly atUs: number };
