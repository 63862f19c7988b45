/** What happens to a node, as the oracle is told it; all times are whole microseconds on the node's clock. */
import type { JsonObject } from "@myelin/core/json";
import type { AgentAttributes, RuleSource } from "@myelin/core/rules";

/** One observation in a frame. */
export interface Sample {
  readonly metric: string;
  readonly value: number;
  readonly atUs: number;
}

/** One thing that happens. `nowUs` is when it reaches the node; it never goes back from input to input. */
export type Input =
  /** A whole set of rules comes into force. */
  | { readonly kind: "rules"; readonly rules: readonly RuleSource[]; readonly nowUs: number }
  | { readonly kind: "join"; readonly attributes: AgentAttributes; readonly nowUs: number }
  | { readonly kind: "leave"; readonly agent: string; readonly nowUs: number }
  /** A session breaks or comes again. */
  | { readonly kind: "session"; readonly agent: string; readonly nowUs: number }
  | { readonly kind: "attributes"; readonly attributes: AgentAttributes; readonly nowUs: number }
  | {
      readonly kind: "twin";
      readonly agent: string;
      readonly twin: JsonObject;
      readonly atUs: number;
      readonly nowUs: number;
    }
  /** A part begins another time line: a new incarnation, or a step of its clock. */
  | {
      readonly kind: "line";
      readonly agent: string;
      readonly part: string;
      readonly nowUs: number;
    }
  /** The samples of one frame, in any order. */
  | {
      readonly kind: "frame";
      readonly agent: string;
      readonly part: string;
      readonly samples: readonly Sample[];
      readonly nowUs: number;
    }
  | {
      readonly kind: "event";
      readonly agent: string;
      readonly part: string;
      readonly type: string;
      readonly attrs: JsonObject;
      readonly atUs: number;
      readonly nowUs: number;
    }
  /** Time passes; what is due comes. */
  | { readonly kind: "clock"; readonly nowUs: number }
  /** An instruction ends. */
  | {
      readonly kind: "ended";
      readonly rule: string;
      readonly agent: string;
      readonly sinceUs: number;
      readonly attempt: number;
      readonly succeeded: boolean;
      readonly nowUs: number;
    }
  | { readonly kind: "enforcing"; readonly isEnforcing: boolean; readonly nowUs: number }
  | { readonly kind: "close-breaker"; readonly rule: string; readonly nowUs: number }
  | { readonly kind: "restart"; readonly nowUs: number };

/** What rules come to. */
export type Happening =
  | {
      readonly kind: "fires";
      readonly rule: string;
      readonly agent: string;
      readonly atUs: number;
      readonly sinceUs: number;
      readonly attempt: number;
      readonly isShadow: boolean;
      readonly isSuppressed: boolean;
    }
  | {
      readonly kind: "ends";
      readonly rule: string;
      readonly agent: string;
      readonly atUs: number;
      readonly sinceUs: number;
    }
  | { readonly kind: "breaker"; readonly rule: string; readonly isOpen: boolean };

/** Settings of the node that rules' meaning depends on. */
export interface OracleSettings {
  readonly futureToleranceUs: number;
  readonly latenessUs: number;
  readonly staleAfterUs: number;
  /** More samples than these in a window, and it passes to buckets. */
  readonly windowSamples: number;
}

export const defaultOracleSettings: OracleSettings = {
  futureToleranceUs: 60_000_000,
  latenessUs: 0,
  staleAfterUs: 30_000_000,
  windowSamples: 1_024,
};
