import type { MyelinError } from "@myelin/core/errors";
import type { AgentId } from "@myelin/core/ids";
import type { InstructionDocument } from "@myelin/core/instruction";
import type { OverloadLevel } from "@myelin/core/schedule";
import type { EventMessage } from "@myelin/core/wire";
import type { EnforcementRecord } from "./ports/store.ts";

/** Something an operator should know of; the composition root logs it. */
export type Notice =
  | {
      readonly kind: "agent-attached";
      readonly agent: AgentId;
      readonly part: string;
      readonly isResumed: boolean;
    }
  | {
      readonly kind: "agent-detached";
      readonly agent: AgentId;
      readonly part: string;
      readonly reason: string;
    }
  /** An agent tells what happened at it; `timeUs` is on the node's clock. */
  | {
      readonly kind: "agent-event";
      readonly agent: AgentId;
      readonly part: string;
      readonly event: EventMessage;
      readonly timeUs: number;
    }
  | { readonly kind: "instruction-ended"; readonly document: InstructionDocument }
  | { readonly kind: "breaker-opened"; readonly over: string }
  | { readonly kind: "breaker-closed"; readonly over: string }
  | { readonly kind: "enforcement"; readonly record: EnforcementRecord }
  /** The node relieves itself, further or less far. */
  | { readonly kind: "overload"; readonly level: OverloadLevel; readonly load: number }
  | { readonly kind: "store-error"; readonly error: MyelinError }
  /** What an earlier run had kept of windows is lost, or some of it. */
  | { readonly kind: "windows-lost"; readonly message: string }
  | { readonly kind: "rule-unreadable"; readonly message: string };
