/**
 * What a recording tells, made of the entries of one log. What an agent is told anew is compared with what is known of it,
 * so that each change is told once, also those that a gap has swallowed.
 */
import { MyelinError } from "@myelin/core/errors";
import type { JsonObject } from "@myelin/core/json";
import type { Recorded, RecordedSample } from "@myelin/core/recordings";
import type { AgentAttributes } from "@myelin/core/rules";
import { isSameJson } from "../engine/index.ts";
import {
  type EndBody,
  type EventBody,
  type Head,
  type KnownAgent,
  kinds,
  ownedWords,
  recordingFormat,
  samplesWords,
  timeForms,
  type TwinBody,
} from "./format.ts";

interface Known {
  readonly id: string;
  attributes: AgentAttributes;
  readonly lines: Map<number, string>;
  twin: JsonObject;
}

const decoder = new TextDecoder();
const nothing: JsonObject = {};

export class RecordingReader {
  /** The run that was told of last; NaN before the first. */
  run: number = Number.NaN;
  #metrics: (string | null)[] = [];
  readonly #agents = new Map<number, Known>();
  /** What came before the first head is of a chapter whose head is gone. */
  #isBegun = false;
  #isInterrupted = false;

  /** Something behind the last entry is lost: what comes next has to be of another run, or behind a gap. */
  interrupted(): void {
    this.#isInterrupted = true;
  }

  /** What the next entry tells. @throws MyelinError STORAGE_CORRUPT, SCHEMA_TOO_NEW */
  *read(entry: Uint8Array): Generator<Recorded> {
    const reading = new EntryReading(entry);
    while (reading.next()) {
      if (reading.kind === kinds.head) yield* this.#head(reading);
      else if (this.#isInterrupted) throw isMissing();
      else if (this.#isBegun) yield* this.#record(reading);
    }
  }

  *#head(reading: EntryReading): Generator<Recorded> {
    const { atUs } = reading;
    const { format, run, isFollowing, missing, metrics } = reading.json<Head>();
    if (format !== recordingFormat)
      throw new MyelinError("SCHEMA_TOO_NEW", `the recording is of format ${format}`);
    const isBeginning = run !== this.run;
    if (this.#isInterrupted && isFollowing && !isBeginning) throw isMissing();
    this.run = run;
    this.#metrics = [...metrics];
    this.#isBegun = true;
    this.#isInterrupted = false;
    if (isBeginning) {
      this.#agents.clear();
      yield { kind: "start", atUs };
    }
    if (missing > 0) yield { kind: "gap", atUs, count: missing };
    const there = new Set(reading.behindText(reading.of));
    for (const [number, { id }] of this.#agents)
      if (!there.has(number)) {
        this.#agents.delete(number);
        yield { kind: "leave", atUs, agent: id };
      }
  }

  #name(index: number, name: string): void {
    while (this.#metrics.length < index) this.#metrics.push(null);
    this.#metrics[index] = name;
  }

  *#record(reading: EntryReading): Generator<Recorded> {
    const { kind, atUs, of, part } = reading;
    if (kind === kinds.timers) yield { kind: "timers", atUs };
    else if (kind === kinds.metric) this.#name(of, reading.text());
    else if (kind === kinds.agent) yield* this.#known(of, atUs, reading.json<KnownAgent>());
    else {
      const known = this.#agents.get(of);
      if (known === undefined) throw damaged(`agent ${of} was not told of`);
      const told = { atUs, agent: known.id, part };
      if (kind === kinds.samples)
        yield { ...told, kind: "samples", samples: reading.samples(this.#metrics) };
      else yield this.#ofAgent(reading, known, told);
    }
  }

  #ofAgent(
    reading: EntryReading,
    known: Known,
    told: { readonly atUs: number; readonly agent: string; readonly part: number },
  ): Recorded {
    const { atUs, agent } = told;
    switch (reading.kind) {
      case kinds.leave:
        this.#agents.delete(reading.of);
        return { kind: "leave", atUs, agent };
      case kinds.attributes:
        known.attributes = reading.json();
        return { kind: "attributes", atUs, agent, attributes: known.attributes };
      case kinds.line: {
        const line = reading.text();
        known.lines.set(told.part, line);
        return { ...told, kind: "line", line };
      }
      case kinds.event: {
        const [timeUs, type, attrs] = reading.json<EventBody>();
        return { ...told, kind: "event", timeUs, type, attrs };
      }
      case kinds.twin: {
        const [timeUs, fields, state] = reading.json<TwinBody>();
        known.twin = fields === null ? state : changed(known.twin, fields, state);
        const { twin } = known;
        return { ...told, kind: "twin", timeUs, twin, ...(fields === null ? {} : { fields }) };
      }
      case kinds.end: {
        const [rule, attempt, startedAtUs, endedAtUs, succeeded] = reading.json<EndBody>();
        return { kind: "end", atUs, agent, rule, attempt, startedAtUs, endedAtUs, succeeded };
      }
      default:
        throw damaged(`there is no record of kind ${reading.kind}`);
    }
  }

  /** An agent has joined, or is told anew: what differs from what is known of it. */
  *#known(number: number, atUs: number, now: KnownAgent): Generator<Recorded> {
    const { attributes, lines, twin } = now;
    const agent = attributes.id;
    const before = this.#agents.get(number);
    const known = before ?? { id: agent, attributes, lines: new Map(), twin: nothing };
    this.#agents.set(number, known);
    if (before === undefined) yield { kind: "join", atUs, agent, attributes };
    else if (!isSameJson({ ...before.attributes }, { ...attributes })) {
      known.attributes = attributes;
      yield { kind: "attributes", atUs, agent, attributes };
    }
    for (const [part, line] of lines) {
      if (known.lines.get(part) === line) continue;
      known.lines.set(part, line);
      yield { kind: "line", atUs, agent, part, line };
    }
    if (twin === undefined || isSameJson(known.twin, twin.state)) return;
    known.twin = twin.state;
    const { part, timeUs, state } = twin;
    yield { kind: "twin", atUs, agent, part, timeUs, twin: state };
  }
}

/** The records of an entry, one after another. */
class EntryReading {
  kind = 0;
  form = 0;
  part = 0;
  of = 0;
  atUs = 0;
  readonly #bytes: Uint8Array;
  readonly #words: Float64Array;
  readonly #numbers: Uint32Array;
  #from = 0;
  #end = 0;

  /** @param entry Lies at a multiple of eight bytes. */
  constructor(entry: Uint8Array) {
    const { buffer, byteOffset, byteLength } = entry;
    this.#bytes = entry;
    this.#words = new Float64Array(buffer, byteOffset, Math.floor(byteLength / 8));
    this.#numbers = new Uint32Array(buffer, byteOffset, this.#words.length * 2);
  }

  /** Goes to the next record; false after the last. */
  next(): boolean {
    this.#from = this.#end;
    if (this.#from === this.#words.length) return false;
    const numbers = this.#numbers;
    const first = this.#number(0);
    this.kind = first & 0xff;
    this.form = (first >> 8) & 0xff;
    this.part = first >>> 16;
    this.#end = this.#from + this.#number(1);
    if (this.#end <= this.#from || this.#end > this.#words.length)
      throw damaged("a record goes beyond its entry");
    this.atUs = this.#words[this.#from + 1] as number;
    this.of = numbers[this.#from * 2 + 4] ?? 0;
    return true;
  }

  text(): string {
    const from = (this.#from + ownedWords) * 8;
    return decoder.decode(this.#bytes.subarray(from, from + this.#number(5)));
  }

  json<Body>(): Body {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the recorder writes it, and the log sees to it that it is whole
    return JSON.parse(this.text()) as Body;
  }

  /** Numbers behind the text. */
  behindText(count: number): Uint32Array {
    const at = (this.#from + ownedWords + Math.ceil(this.#number(5) / 8)) * 2;
    return this.#numbers.subarray(at, at + count);
  }

  samples(names: readonly (string | null)[]): RecordedSample[] {
    const count = this.#number(5);
    const firstUs = this.#words[this.#from + 3] as number;
    const values = this.#from + samplesWords;
    const metrics = (values + count) * 2;
    const times = values + count + Math.ceil(count / 2);
    const samples: RecordedSample[] = [];
    for (let index = 0; index < count; index += 1) {
      const metric = names[this.#numbers[metrics + index] as number];
      if (typeof metric !== "string") throw damaged("a metric was not told of");
      const value = this.#words[values + index] as number;
      samples.push({ metric, value, timeUs: this.#time(times, index, firstUs) });
    }
    return samples;
  }

  #time(at: number, index: number, firstUs: number): number {
    if (this.form === timeForms.one) return firstUs;
    return this.form === timeForms.deltas
      ? firstUs + (this.#numbers[at * 2 + index] as number)
      : (this.#words[at + index] as number);
  }

  #number(at: number): number {
    return this.#numbers[this.#from * 2 + at] ?? 0;
  }
}

function changed(before: JsonObject, fields: readonly string[], state: JsonObject): JsonObject {
  const names = new Set(fields);
  const kept = Object.entries(before).filter(([name]) => !names.has(name));
  return Object.fromEntries([...kept, ...Object.entries(state)]);
}

function isMissing(): MyelinError {
  return damaged("something in the midst of it is missing");
}

function damaged(what: string): MyelinError {
  return new MyelinError("STORAGE_CORRUPT", `the recording is damaged: ${what}`);
}
