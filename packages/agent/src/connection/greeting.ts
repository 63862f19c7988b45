import type { Acknowledgement, Action, Hello, Resume } from "@myelin/core/wire";
import { sdk } from "./sdk.ts";

/** Version of the protocol spoken. */
const protocolVersion = 1;
/** Most outcomes, and about most bytes of them, in one hello. */
const mostOutcomes = 1000;
const mostOutcomeBytes = 262_144;

/** Who this part of an agent is. */
export interface Identity {
  readonly id: string;
  readonly type: string;
  readonly part: string;
  readonly incarnation: string;
  readonly tier: string;
  readonly capabilities: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly token: string;
}

/** What a hello says beside the identity. */
export interface Greeting {
  readonly actions: readonly Action[];
  /** True when a further hello will declare the actions. */
  readonly actionsFollow: boolean;
  readonly outcomes: readonly Acknowledgement[];
  readonly resume: Resume | undefined;
  readonly sentAtUs: number;
  readonly timeLine: string;
}

/** Writes a hello. */
export function helloOf(identity: Identity, greeting: Greeting): Hello {
  const { id, type, ...rest } = identity;
  const { resume, ...said } = greeting;
  const hello = { protocolVersion, agentId: id, agentType: type, ...rest, ...said, sdk };
  return resume === undefined ? hello : { ...hello, resume };
}

/** Outcomes for a hello: the newest that fit, in their order; `rest` is to be told after the welcome. */
export function outcomesForHello(outcomes: readonly Acknowledgement[]): {
  readonly told: readonly Acknowledgement[];
  readonly rest: readonly Acknowledgement[];
} {
  let from = outcomes.length;
  let sizeBytes = 0;
  while (from > 0 && outcomes.length - from < mostOutcomes) {
    const outcome = outcomes[from - 1];
    sizeBytes += 256 + (outcome?.result === undefined ? 0 : JSON.stringify(outcome.result).length);
    if (sizeBytes > mostOutcomeBytes) break;
    from--;
  }
  return { told: outcomes.slice(from), rest: outcomes.slice(0, from) };
}
