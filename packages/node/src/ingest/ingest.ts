import { UnpackedColumns } from "@myelin/core/wire";
import { AgentTwin } from "./agent-twin.ts";
import { type IngestCounters, noCounts } from "./counters.ts";
import type { HeldBack } from "./held-back.ts";
import type { IngestEngine } from "./ingest-engine.ts";
import { SampleBuffer } from "./sample-buffer.ts";
import { type IntakeGround, type OnEvent, SessionIntake } from "./session-intake.ts";

/** What ingest is made of. */
export interface IngestOptions {
  readonly engine: IngestEngine;
  /** Where samples wait for older ones, before the engine; none waits unless given. */
  readonly held?: HeldBack | undefined;
  /** Most metric names in one session. */
  readonly maxMetrics: number;
  /** Where what comes is counted; counters of its own unless given. */
  readonly counters?: IngestCounters;
  /** Told of each event that agents report. */
  readonly onEvent?: OnEvent;
  /** Metrics that only the node itself may give values to; `heartbeat_age` unless said otherwise. */
  readonly reservedMetrics?: ReadonlySet<string>;
}

/** A part's session that begins. */
export interface IntakeRequest {
  readonly slot: number;
  readonly partName: string;
  readonly partIndex: number;
  readonly incarnation: string;
}

/** Metrics that the node itself observes. */
const nodeMetrics: ReadonlySet<string> = new Set(["heartbeat_age"]);

/** What is kept of an agent over the sessions of its parts. */
interface Kept {
  readonly tenancy: number;
  readonly twin: AgentTwin;
  /** By the numbers of parts, their latest. */
  readonly intakes: Map<number, SessionIntake>;
}

/** Turns sessions' telemetry into columns for the engine, and keeps the agents' twins. */
export class Ingest {
  readonly counters: IngestCounters;
  readonly #ground: IntakeGround;
  /** By slot; what is kept belongs to one tenant of its slot. */
  readonly #kept: (Kept | undefined)[] = [];

  constructor(options: IngestOptions) {
    const { engine, maxMetrics, reservedMetrics = nodeMetrics } = options;
    const { held, counters = noCounts(), onEvent = () => undefined } = options;
    this.counters = counters;
    this.#ground = {
      engine,
      held,
      buffer: new SampleBuffer(held !== undefined),
      unpacked: new UnpackedColumns(),
      counters: this.counters,
      onEvent,
      maxMetrics,
      reservedMetrics,
    };
  }

  /** Opens the way for one session's telemetry; the agent has its slot already. */
  open({ slot, partName, partIndex, incarnation }: IntakeRequest): SessionIntake {
    const { twin, intakes } = this.#keptOf(slot);
    twin.open(partName, incarnation);
    const intake = new SessionIntake(this.#ground, { twin, slot, partName, partIndex });
    const former = intakes.get(partIndex);
    if (former !== undefined) intake.follow(former);
    intakes.set(partIndex, intake);
    return intake;
  }

  /** Lets go of the twin of an agent that has left; otherwise it is kept until its slot is used again. */
  forget(slot: number): void {
    this.#kept[slot] = undefined;
  }

  #keptOf(slot: number): Kept {
    const tenancy = this.#ground.engine.tenancy(slot);
    const present = this.#kept[slot];
    if (present?.tenancy === tenancy) return present;
    const kept = { tenancy, twin: new AgentTwin(), intakes: new Map() };
    this.#kept[slot] = kept;
    return kept;
  }
}
