import { readFileSync } from "node:fs";
import type { JsonObject, JsonValue } from "@myelin/core/json";
import type { HeldState, SupervisorHandler, SupervisorLink } from "./link.ts";

const patienceMs = 20_000;

interface Wait {
  readonly isMet: () => boolean;
  readonly resolve: () => void;
}

/** A supervisor's link that records what it is told, and lets a test await what it looks for. */
export class RecordedLink implements SupervisorLink {
  readonly latest: Map<string, number> = new Map();
  readonly events: { readonly type: string; readonly attributes: JsonObject }[] = [];
  process: JsonObject = {};
  reports = 0;
  readonly #vouches: HeldState[] = [];
  readonly #handlers: Map<string, SupervisorHandler> = new Map();
  #waits: Wait[] = [];

  report(samples: Readonly<Record<string, number>>): void {
    this.reports++;
    for (const [name, value] of Object.entries(samples)) this.latest.set(name, value);
    this.#changed();
  }

  event(type: string, attributes: JsonObject): void {
    this.events.push({ type, attributes });
    this.#changed();
  }

  patchState(patch: { readonly [key: string]: JsonValue }): void {
    this.process = patch["process"] as JsonObject;
    this.#changed();
  }

  vouch(_part: string, state: HeldState): void {
    this.#vouches.push(state);
  }

  on(action: string, handler: SupervisorHandler): void {
    this.#handlers.set(action, handler);
  }

  /** Gives an instruction, as a node would. */
  async instruct(action: string, args: JsonObject = {}): Promise<JsonObject> {
    const handler = this.#handlers.get(action);
    if (handler === undefined) throw new Error(`no handler for ${action}`);
    return await handler({ id: "test", action, args }, { signal: new AbortController().signal });
  }

  /** What was vouched for, without repetitions. */
  vouchedChanges(): HeldState[] {
    return this.#vouches.filter((held, at) => held !== this.#vouches[at - 1]);
  }

  metric(name: string): number {
    return this.latest.get(name) ?? Number.NaN;
  }

  eventsOf(type: string): JsonObject[] {
    return this.events.filter((event) => event.type === type).map((event) => event.attributes);
  }

  /** Waits until `isMet`, looked at after each report, event and patch. */
  async until(what: string, isMet: () => boolean): Promise<void> {
    if (isMet()) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waits.push({ isMet, resolve });
    const patience = setTimeout(() => {
      const seen = JSON.stringify({
        metrics: Object.fromEntries(this.latest),
        process: this.process,
      });
      reject(new Error(`waited in vain until ${what}; seen: ${seen}`));
    }, patienceMs);
    await promise.finally(() => clearTimeout(patience));
  }

  /** The mean of a metric over the next `count` reports. */
  async meanOf(name: string, count: number): Promise<number> {
    let sum = 0;
    for (let taken = 0; taken < count; taken++) {
      const before = this.reports;
      await this.until("the next report", () => this.reports > before);
      sum += this.metric(name);
    }
    return sum / count;
  }

  #changed(): void {
    const met = this.#waits.filter((wait) => wait.isMet());
    this.#waits = this.#waits.filter((wait) => !met.includes(wait));
    for (const wait of met) wait.resolve();
  }
}

const lookIntervalMs = 5;

/** True while the process runs; a zombie does not. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));
  } catch {
    return false;
  }
}

/** Waits until a process that is nobody's child here has ended: the kernel tells that to its parent alone. */
export async function awaitEnd(pid: number): Promise<void> {
  await awaitProcesses(`process ${pid} has ended`, () => (isAlive(pid) ? undefined : true));
}

/** Looks at other processes, of which nothing tells this one, until there is what is looked for. */
export async function awaitProcesses<Found>(
  what: string,
  look: () => Found | undefined,
): Promise<Found> {
  const { promise, resolve, reject } = Promise.withResolvers<Found>();
  const giveUpAtMs = performance.now() + patienceMs;
  const looking = setInterval(() => {
    const found = look();
    if (found !== undefined) resolve(found);
    else if (performance.now() > giveUpAtMs) reject(new Error(`waited in vain until ${what}`));
  }, lookIntervalMs);
  return await promise.finally(() => clearInterval(looking));
}
