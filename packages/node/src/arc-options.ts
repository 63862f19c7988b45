import type { Clock } from "@myelin/core/clock";
import type { RuleName } from "@myelin/core/ids";
import type { Random } from "@myelin/core/random";
import type { Access } from "./access/index.ts";
import type { Instruction } from "./instruction/index.ts";
import type { Notice } from "./notice.ts";
import type { Log } from "./ports/log.ts";
import type { Resources } from "./ports/resources.ts";
import type { Store } from "./ports/store.ts";
import type { PeerInfo } from "./ports/transport.ts";
import type { RuleBookOptions } from "./rules/index.ts";
import type { NodeIdentity, SessionSettings } from "./session/index.ts";
import type { ArcSettings } from "./settings.ts";

/** What an arc is made of: ports, and its bounds. */
export interface ArcOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  /** Keeps what rules read of the past; without it windows begin anew with the node. The arc closes it. */
  readonly historyLog?: Log;
  /** Where what rules are told is recorded; nothing is unless given. The arc closes its log. */
  readonly recording?: {
    readonly log: Log;
    /** Names the run of the node, the same in all of its arcs. */
    readonly run: number;
    readonly maxBytes: number;
  };
  readonly access: Access;
  readonly node: NodeIdentity;
  readonly sessionSettings: SessionSettings;
  readonly settings: ArcSettings;
  /** What the node uses; without it the node never counts as overloaded. */
  readonly resources?: Resources;
  readonly onNotice: (notice: Notice) => void;
  /** Told of each instruction last: its end is on disk, or the disk did not take it. */
  readonly onInstructionOver?: ((instruction: Instruction, isKept: boolean) => void) | undefined;
  /** What joins it to the node's other arcs; absent for an arc that is the node's only one. */
  readonly ties?: LaneTies;
}

/** What joins an arc to the others of its node. */
export interface LaneTies {
  /** True in the arc that has no agents, and does once what is the whole node's. */
  readonly isFront: boolean;
  /** True for an agent of this lane. */
  readonly owns: (agent: string) => boolean;
  /** Where an agent of another lane connects. @throws MyelinError when it cannot be reached the way the peer came */
  readonly addressOf: (agent: string, peer: PeerInfo) => string;
  /** A firing was counted against its rule's limit. */
  readonly onCounted?: (rule: RuleName) => void;
  /** A metric is reported here for the first time. */
  readonly onMetric?: (name: string) => void;
  /** About how often a metric comes from an agent of this lane is known now, or has changed much; false when nobody heard. */
  readonly onSamplingInterval?: (metric: string, intervalUs: number) => boolean;
  /** What lanes have told of that; the arc's own engine is asked without it. */
  readonly samplingIntervalUs?: RuleBookOptions["samplingIntervalUs"];
  /** Rules are enforced from now on, or are not. */
  readonly onEnforcing?: (isOn: boolean) => void;
  /** Nobody watches any more. */
  readonly onWatchIdle?: () => void;
  readonly prepareOthers?: RuleBookOptions["prepareOthers"];
  /** Drains the node's other arcs, within the time given. */
  readonly drainOthers?: (boundUs: number) => Promise<void>;
}
