import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { VirtualClock } from "@myelin/core/clock";
import type { JsonObject } from "@myelin/core/json";
import type { Recorded } from "@myelin/core/recordings";
import type { AgentAttributes } from "@myelin/core/rules";
import fc from "fast-check";
import {
  createMemoryLogDisk,
  MemoryLog,
  type MemoryLogDisk,
} from "../adapters/memory-log/index.ts";
import { Recorder, RecordingReader } from "./index.ts";

const startUs = 1_790_000_000_000_000;
const tickUs = 40_000;
const metrics = ["cpu_usage", "mem_usage", "gen_ai.tokens", "heartbeat_age"];

/** Something that an agent does, or that happens to it. */
type Input =
  | { readonly kind: "join" | "leave" | "timers" }
  | { readonly kind: "attributes"; readonly label: string }
  | { readonly kind: "line"; readonly part: number; readonly line: string }
  | {
      readonly kind: "samples";
      readonly part: number;
      readonly samples: readonly (readonly [metric: number, value: number, deltaUs: number])[];
    }
  | { readonly kind: "event"; readonly type: string; readonly attrs: JsonObject }
  | { readonly kind: "twin"; readonly patch: JsonObject; readonly isWhole: boolean }
  | { readonly kind: "end"; readonly succeeded: boolean; readonly agoUs: number };

/** A log that takes nothing until it is let. */
class HeldLog extends MemoryLog {
  readonly #disk: MemoryLogDisk;
  readonly #waiting: (() => void)[] = [];
  #isHeld = true;

  constructor(disk: MemoryLogDisk) {
    super({ disk });
    this.#disk = disk;
  }

  get entries(): readonly Uint8Array[] {
    return [...this.#disk.segments.values()].flat();
  }

  override async append(entry: Uint8Array): Promise<number> {
    if (this.#isHeld) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return await super.append(entry);
  }

  /** Takes so many of those that wait; all of them, and what comes, unless said. */
  release(count = Number.POSITIVE_INFINITY): void {
    if (count === Number.POSITIVE_INFINITY) this.#isHeld = false;
    for (const go of this.#waiting.splice(0, Math.min(count, this.#waiting.length))) go();
  }
}

/** A recorder on a disk that outlives it, with what it was told. */
class Scene {
  readonly clock = new VirtualClock(startUs);
  readonly disk = createMemoryLogDisk();
  readonly told: Recorded[] = [];
  readonly errors: string[] = [];
  readonly #twins = new Map<number, JsonObject>();
  readonly #there = new Set<number>();
  readonly #maxBytes: number;
  readonly #log: MemoryLog | undefined;
  recorder: Recorder;

  constructor(maxBytes = 1 << 20, log?: MemoryLog) {
    this.#maxBytes = maxBytes;
    this.#log = log;
    this.recorder = this.#make();
  }

  #make(): Recorder {
    return new Recorder({
      clock: this.clock,
      log: this.#log ?? new MemoryLog({ disk: this.disk, segmentBytes: 2_000 }),
      run: this.clock.nowUs(),
      maxBytes: this.#maxBytes,
      onStoreError: ({ code }) => this.errors.push(code),
    });
  }

  async start(): Promise<this> {
    await this.recorder.start();
    this.told.push({ kind: "start", atUs: this.clock.nowUs() });
    for (const [index, name] of metrics.entries()) this.recorder.metric(index * 3, name);
    return this;
  }

  /** Ends the run, and begins another. */
  async restart(): Promise<void> {
    await this.recorder.stop();
    this.#there.clear();
    this.#twins.clear();
    await this.clock.run(1000);
    this.recorder = this.#make();
    await this.start();
  }

  async run(durationUs: number): Promise<void> {
    await this.clock.run(durationUs);
  }

  has(slot: number): boolean {
    return this.#there.has(slot);
  }

  /** Tells the recorder of an input of the agent that is in a slot when it is there. */
  tell(slot: number, input: Input): void {
    const { recorder } = this;
    const atUs = this.clock.nowUs();
    const agent = `a${slot}`;
    if (input.kind === "timers") recorder.timers(atUs);
    else if (input.kind === "join") {
      if (this.#there.has(slot)) return;
      this.#there.add(slot);
      this.#twins.set(slot, {});
      const attributes = attributesOf(slot, "a");
      recorder.joined(slot, attributes, atUs);
      this.told.push({ kind: "join", atUs, agent, attributes });
      return;
    } else if (!this.#there.has(slot)) return;
    const told = this.#told(slot, input, { atUs, agent });
    if (told !== undefined) this.told.push(told);
  }

  #told(slot: number, input: Input, told: { atUs: number; agent: string }): Recorded | undefined {
    const { recorder } = this;
    const { atUs, agent } = told;
    const timeUs = atUs - 500.25;
    switch (input.kind) {
      case "join":
        return undefined;
      case "timers":
        return { kind: "timers", atUs };
      case "leave":
        recorder.left(slot, atUs);
        this.#there.delete(slot);
        return { kind: "leave", atUs, agent };
      case "attributes": {
        const attributes = attributesOf(slot, input.label);
        recorder.attributes(slot, attributes, atUs);
        return { ...told, kind: "attributes", attributes };
      }
      case "line": {
        const { part, line } = input;
        const isKnown = this.told
          .slice(this.told.findLastIndex(isBeginningOf(agent)))
          .findLast((each) => each.kind === "line" && each.agent === agent && each.part === part);
        recorder.line(slot, part, line);
        if (isKnown?.kind === "line" && isKnown.line === line) return undefined;
        return { ...told, kind: "line", part, line };
      }
      case "samples": {
        const { part, samples } = input;
        const times = samples.map(([, , deltaUs]) => atUs + deltaUs).toSorted((a, b) => a - b);
        recorder.samples(
          slot,
          part,
          samples.length,
          Int32Array.from([...samples.map(([metric]) => metric * 3), 7]),
          Float64Array.from([...samples.map(([, value]) => value), 7]),
          Float64Array.from([...times, 7]),
          atUs,
        );
        if (samples.length === 0) return undefined;
        const columns = samples.map(([metric, value], index) => ({
          metric: metrics[metric] ?? "",
          value,
          timeUs: times[index] ?? Number.NaN,
        }));
        return { ...told, kind: "samples", part, samples: columns };
      }
      case "event": {
        const { type, attrs } = input;
        recorder.event(slot, 2, { type, attrs }, timeUs, atUs);
        return { ...told, kind: "event", part: 2, timeUs, type, attrs };
      }
      case "twin": {
        const { patch, isWhole } = input;
        const before = this.#twins.get(slot) ?? {};
        const twin = isWhole ? patch : { ...before, ...patch };
        const fields = isWhole
          ? undefined
          : Object.keys({ ...before, ...patch }).filter((name) => before[name] !== twin[name]);
        recorder.twin(slot, twin, fields, 1, timeUs, atUs);
        this.#twins.set(slot, twin);
        return {
          ...told,
          kind: "twin",
          part: 1,
          timeUs,
          twin,
          ...(fields === undefined ? {} : { fields }),
        };
      }
      case "end": {
        const { succeeded, agoUs } = input;
        const end = { attempt: 2, startedAtUs: atUs - 1e6, endedAtUs: atUs - agoUs, succeeded };
        recorder.ended(slot, "hot", end);
        return { ...told, kind: "end", rule: "hot", ...end };
      }
    }
  }

  read(): Recorded[] {
    const reader = new RecordingReader();
    return [...this.disk.segments.values()].flat().flatMap((entry) => [...reader.read(entry)]);
  }
}

function isBeginningOf(agent: string): (each: Recorded) => boolean {
  return (each) => each.kind === "join" && each.agent === agent;
}

function attributesOf(slot: number, label: string): AgentAttributes {
  return { id: `a${slot}`, type: "worker", tier: "edge", labels: { label }, capabilities: ["x"] };
}

/** Who is there at the end, and what is known of each. */
function outcomeOf(recorded: readonly Recorded[]): unknown {
  const agents = new Map<string, { attributes: unknown; lines: unknown; twin: unknown }>();
  for (const each of recorded) {
    if (each.kind === "start") agents.clear();
    else if (each.kind === "join")
      agents.set(each.agent, { attributes: each.attributes, lines: {}, twin: {} });
    else if (each.kind === "leave") agents.delete(each.agent);
    else if (each.kind !== "gap" && each.kind !== "timers") {
      const agent = agents.get(each.agent);
      assert.ok(agent !== undefined, `${each.kind} of ${each.agent}, who is not there`);
      if (each.kind === "attributes") agent.attributes = each.attributes;
      if (each.kind === "line") agent.lines = { ...Object(agent.lines), [each.part]: each.line };
      if (each.kind === "twin") agent.twin = each.twin;
    }
  }
  return Object.fromEntries([...agents].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

const jsonObject = fc.dictionary(
  fc.constantFrom("a", "b", "ü", "__proto__"),
  fc.oneof(fc.integer(), fc.string(), fc.constant(null), fc.constant({ deep: [1, { x: "y" }] })),
  { maxKeys: 3, noNullPrototype: true },
) as fc.Arbitrary<JsonObject>;

const input: fc.Arbitrary<Input> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ kind: "join" as const }) },
  fc.constantFrom({ kind: "leave" as const }, { kind: "timers" as const }),
  fc.record({ kind: fc.constant("attributes" as const), label: fc.string() }),
  fc.record({
    kind: fc.constant("line" as const),
    part: fc.nat(8),
    line: fc.constantFrom("t1", "t2", ""),
  }),
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("samples" as const),
      part: fc.nat(8),
      samples: fc.array(
        fc.tuple(
          fc.nat(3),
          fc.double(),
          fc.oneof(fc.constant(0), fc.nat(5), fc.integer({ min: -1, max: 2 ** 33 })),
        ),
        { maxLength: 60 },
      ),
    }),
  },
  fc.record({ kind: fc.constant("event" as const), type: fc.string(), attrs: jsonObject }),
  fc.record({ kind: fc.constant("twin" as const), patch: jsonObject, isWhole: fc.boolean() }),
  fc.record({ kind: fc.constant("end" as const), succeeded: fc.boolean(), agoUs: fc.nat(9000) }),
);

type Step =
  | { readonly slot: number; readonly input: Input }
  | { readonly run: number }
  | { readonly isRestart: true }
  | { readonly isBroken: boolean };

const tellStep = fc.record({ slot: fc.nat(2), input });
const runStep = fc.record({ run: fc.constantFrom(1, 1000, tickUs, 3 * tickUs) });
const restartStep = fc.constant({ isRestart: true as const });
const breakStep = fc.record({ isBroken: fc.boolean() });

async function play(scene: Scene, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    if ("run" in step) await scene.run(step.run);
    else if ("isRestart" in step) await scene.restart();
    else if ("isBroken" in step) scene.disk.isBroken = step.isBroken;
    else scene.tell(step.slot, step.input);
  }
}

describe("a recording", () => {
  test("tells what was told, over chapters, segments and runs", async () => {
    const steps = fc.array(
      fc.oneof({ weight: 12, arbitrary: tellStep }, { weight: 3, arbitrary: runStep }, restartStep),
      { maxLength: 120, size: "max" },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (given) => {
        const scene = await new Scene(400_000).start();
        await play(scene, given);
        await scene.recorder.stop();
        assert.deepEqual(scene.errors, []);
        assert.deepEqual(scene.read(), scene.told);
      }),
      { numRuns: 150 },
    );
  });

  test("tells of a gap how much is missing, and behind it who is there and what is known of them", async () => {
    const steps = fc.array(
      fc.oneof(
        { weight: 12, arbitrary: tellStep },
        { weight: 4, arbitrary: runStep },
        { weight: 2, arbitrary: breakStep },
        restartStep,
      ),
      { maxLength: 100, size: "max" },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (given) => {
        const scene = await new Scene().start();
        await play(scene, given);
        scene.disk.isBroken = false;
        await scene.run(3e6);
        await scene.recorder.stop();
        const read = scene.read();
        assert.deepEqual(outcomeOf(read), outcomeOf(scene.told));
        const { inputs, dropped } = scene.recorder.counters;
        const own = read.slice(read.findLastIndex(({ kind }) => kind === "start"));
        const missing = own.flatMap((each) => (each.kind === "gap" ? [each.count] : []));
        assert.equal(
          missing.reduce((sum, count) => sum + count, 0),
          dropped,
        );
        const all = scene.told.slice(scene.told.findLastIndex(({ kind }) => kind === "start"));
        assert.equal(inputs + dropped, all.length - 1);
      }),
      { numRuns: 150 },
    );
  });

  test("keeps to its size on disk, and what is left tells by itself who is there", async () => {
    const maxBytes = 40_000;
    const scene = await new Scene(maxBytes).start();
    scene.tell(0, { kind: "join" });
    scene.tell(0, { kind: "line", part: 1, line: "t1" });
    scene.tell(0, { kind: "twin", patch: { a: 1 }, isWhole: true });
    scene.tell(1, { kind: "join" });
    const samples = Array.from({ length: 20 }, (_, at) => [1, at, at] as const);
    for (let frame = 0; frame < 400; frame += 1) {
      scene.tell(1, { kind: "samples", part: 1, samples });
      if (frame % 10 === 0) await scene.run(tickUs);
    }
    await scene.recorder.stop();
    const entries = [...scene.disk.segments.values()].flat();
    const keptBytes = entries.reduce((sum, { byteLength }) => sum + byteLength, 0);
    assert.ok(keptBytes > maxBytes / 2 && keptBytes <= maxBytes, `${keptBytes} bytes`);
    const read = scene.read();
    assert.equal(read[0]?.kind, "start");
    assert.deepEqual(outcomeOf(read), outcomeOf(scene.told));
    const frames = read.filter(({ kind }) => kind === "samples");
    assert.ok(frames.length > 50 && frames.length < 400);
    assert.deepEqual(frames, scene.told.slice(-frames.length));
  });

  test("waits for no disk: what is more than may be on the way to it is counted", async () => {
    const log = new HeldLog(createMemoryLogDisk());
    const scene = await new Scene(1 << 30, log).start();
    scene.tell(0, { kind: "join" });
    const attrs = { text: "ü".repeat(100_000) };
    for (let event = 0; event < 500; event += 1) scene.tell(0, { kind: "event", type: "e", attrs });
    assert.ok(scene.recorder.inFlightBytes <= 32 << 20);
    const { dropped } = scene.recorder.counters;
    assert.ok(dropped > 100);
    log.release();
    await scene.run(tickUs);
    scene.tell(0, { kind: "timers" });
    await scene.recorder.stop();
    const read = new RecordingReader();
    const recorded = log.entries.flatMap((entry) => [...read.read(entry)]);
    assert.deepEqual(
      recorded.map(({ kind }) => kind),
      ["start", "join", ...Array(500 - dropped).fill("event"), "gap", "timers"],
    );
    assert.deepEqual(recorded.at(-2), { kind: "gap", atUs: startUs + tickUs, count: dropped });
  });

  test("writes nothing behind an entry that the disk refused", async () => {
    const disk = createMemoryLogDisk();
    const log = new HeldLog(disk);
    const scene = await new Scene(1 << 30, log).start();
    scene.tell(0, { kind: "join" });
    await scene.run(tickUs);
    scene.tell(0, { kind: "timers" });
    await scene.run(tickUs);
    disk.isBroken = true;
    log.release(1);
    await scene.run(0);
    disk.isBroken = false;
    log.release();
    await scene.run(3e6);
    await scene.recorder.stop();
    assert.deepEqual(scene.errors, ["STORAGE_UNAVAILABLE"]);
    const read = new RecordingReader();
    const recorded = log.entries.flatMap((entry) => [...read.read(entry)]);
    assert.deepEqual(
      recorded.map((each) => (each.kind === "gap" ? each.count : each.kind)),
      ["start", 2, "join"],
    );
  });
});
