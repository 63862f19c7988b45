/** Telemetry as JSON lines: an object a line, with `time`, `agent`, and one thing that is told of it. */
import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  maxJsonLevels,
  sizeOf,
} from "../json/index.ts";
import { type AgentAttributes, didYouMean } from "../rules/index.ts";
import { defaultAttributes, isTier, tierFault } from "./attributes.ts";
import { Fault } from "./data-problem.ts";
import { instantOf, instantOfNumber, Names, shown, valueOf } from "./plain-values.ts";
import type { LineFormat, Telling } from "./telemetry-reader.ts";

/** What a line can tell, each by its key. */
const things = ["metric", "samples", "event", "twin", "join", "leave"] as const;
const keys: readonly string[] = ["time", "agent", "value", "attrs", ...things];
const joinKeys: readonly string[] = ["type", "tier", "labels", "capabilities"];
/** Which other key goes with which thing. */
const companions: Readonly<Record<string, string>> = { value: "metric", attrs: "event" };

/** Refuses a piece of the line: what stands at a key. */
type Refuse = (key: string, fault: Fault) => void;

export class JsonLines implements LineFormat {
  readonly #telling: Telling;
  readonly #agents = Names.agents();
  readonly #metrics = Names.metrics();

  constructor(telling: Telling) {
    this.#telling = telling;
  }

  line(text: string, number: number): void {
    if (text.trim() === "") return;
    const { problems } = this.#telling;
    let isWhole = true;
    const refuse: Refuse = (key, { message, hint }) => {
      isWhole = false;
      const column = key === "" ? 1 : Math.max(1, text.indexOf(JSON.stringify(key)) + 1);
      problems.add(number, column, message, hint);
    };
    const value = parsed(text);
    if (value instanceof Fault) return refuse("", value);
    if (!isJsonObject(value)) return refuse("", new Fault("the line is no object", "write {…}"));
    if (sizeOf(value, maxJsonLevels) === Number.POSITIVE_INFINITY)
      return refuse("", new Fault(`it is nested deeper than ${maxJsonLevels} levels`));
    checkKeys(value, refuse);
    const timeUs = this.#time(value["time"]);
    const agent = this.#agent(value["agent"]);
    if (timeUs instanceof Fault) refuse("time", timeUs);
    if (agent instanceof Fault) refuse("agent", agent);
    if (!isWhole || timeUs instanceof Fault || agent instanceof Fault) return;
    this.#telling.frames.at(timeUs, number);
    this.#tell(value, agent, timeUs, refuse);
  }

  end(): void {
    // Without a line nothing happened.
  }

  #tell(line: JsonObject, agent: string, timeUs: number, refuse: Refuse): void {
    const { frames } = this.#telling;
    const { metric, samples, event, attrs = {}, twin, join } = line;
    if (metric !== undefined) {
      const name = typeof metric === "string" ? this.#metrics.of(metric) : notText(metric);
      if (name instanceof Fault) refuse("metric", name);
      else if (line["value"] === undefined)
        refuse("metric", new Fault("metric without its value", howToWrite));
      else this.#sample(agent, name, line["value"], timeUs, (fault) => refuse("value", fault));
    } else if (samples !== undefined) {
      if (!isJsonObject(samples)) return refuse("samples", notObject(samples));
      for (const [text, value] of Object.entries(samples)) {
        const name = this.#metrics.of(text);
        if (name instanceof Fault) refuse(text, name);
        else this.#sample(agent, name, value, timeUs, (fault) => refuse(text, fault));
      }
    } else if (event !== undefined) {
      if (typeof event !== "string" || event === "") return refuse("event", notText(event));
      if (!isJsonObject(attrs)) return refuse("attrs", notObject(attrs));
      frames.event(agent, event, attrs, timeUs);
    } else if (twin !== undefined) {
      if (!isJsonObject(twin)) return refuse("twin", notObject(twin));
      frames.twin(agent, twin, timeUs);
    } else if (join !== undefined) {
      const attributes = attributesOf(agent, join, refuse);
      if (attributes !== undefined) frames.join(attributes);
    } else if (line["leave"] === true) frames.leave(agent);
    else refuse("leave", new Fault("leave says nothing but true", 'write "leave": true'));
  }

  #sample(
    agent: string,
    metric: string,
    written: JsonValue,
    timeUs: number,
    refuse: (fault: Fault) => void,
  ): void {
    const value =
      typeof written === "number"
        ? written
        : typeof written === "string"
          ? special(written)
          : new Fault(`${shown(JSON.stringify(written))} is no number`, howToWrite);
    if (value instanceof Fault) refuse(value);
    else this.#telling.frames.sample(agent, metric, value, timeUs);
  }

  #time(time: JsonValue | undefined): number | Fault {
    if (typeof time === "number") return instantOfNumber(time);
    if (typeof time === "string") return instantOf(time);
    return time === undefined
      ? new Fault("there is no time", 'write "time": "2026-11-21T09:30:00.250Z"')
      : notText(time);
  }

  #agent(agent: JsonValue | undefined): string | Fault {
    if (agent === undefined) return new Fault("there is no agent", 'write "agent": "its id"');
    return typeof agent === "string" ? this.#agents.of(agent) : notText(agent);
  }
}

const howToWrite = 'write a number, or one of "NaN", "Infinity", "-Infinity"';

/** Texts stand for what JSON cannot carry, and for nothing else. */
function special(text: string): number | Fault {
  const value = valueOf(text);
  return value instanceof Fault || Number.isFinite(value)
    ? new Fault(`${shown(text)} is a text, no number`, howToWrite)
    : value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    return new Fault(`the line is no JSON: ${why.slice(0, 160)}`, "write one object a line");
  }
}

function checkKeys(line: JsonObject, refuse: Refuse): void {
  const told = things.filter((thing) => line[thing] !== undefined);
  for (const key of Object.keys(line)) {
    if (!keys.includes(key)) {
      const hint = didYouMean(key, keys) ?? `write one of ${keys.join(", ")}`;
      refuse(key, new Fault(`unknown key ${shown(key)}`, hint));
    }
    const companion = companions[key];
    if (companion !== undefined && line[companion] === undefined && told.length > 0)
      refuse(key, new Fault(`${key} without ${companion}`, `it goes with "${companion}"`));
  }
  const hint = `write one of ${things.join(", ")}`;
  if (told.length === 0) refuse("", new Fault("the line tells nothing of the agent", hint));
  else if (told.length > 1)
    refuse(told[1] ?? "", new Fault(`${told.join(" and ")} in one line`, "write a line for each"));
}

function attributesOf(id: string, join: JsonValue, refuse: Refuse): AgentAttributes | undefined {
  if (!isJsonObject(join)) {
    refuse("join", notObject(join));
    return undefined;
  }
  const faults: (readonly [string, Fault])[] = [];
  const { type = "agent", tier = "device", labels = {}, capabilities = [] } = join;
  for (const key of Object.keys(join))
    if (!joinKeys.includes(key)) {
      const hint = didYouMean(key, joinKeys) ?? `write one of ${joinKeys.join(", ")}`;
      faults.push([key, new Fault(`unknown key ${shown(key)}`, hint)]);
    }
  if (typeof type !== "string") faults.push(["type", notText(type)]);
  if (typeof tier !== "string") faults.push(["tier", notText(tier)]);
  else if (!isTier(tier)) faults.push(["tier", tierFault(tier)]);
  const isTexts = (values: readonly unknown[]): boolean =>
    values.every((value) => typeof value === "string");
  if (!isJsonObject(labels) || !isTexts(Object.values(labels)))
    faults.push(["labels", new Fault("labels are texts by name", 'as in {"zone": "a"}')]);
  if (!Array.isArray(capabilities) || !isTexts(capabilities))
    faults.push(["capabilities", new Fault("capabilities are a list of texts", 'as in ["gpu"]')]);
  for (const [key, fault] of faults) refuse(key, fault);
  if (faults.length > 0) return undefined;
  return { ...defaultAttributes(id), ...join };
}

function notObject(value: unknown): Fault {
  return new Fault(`${shown(JSON.stringify(value))} is no object`, "write {…}");
}

function notText(value: unknown): Fault {
  return new Fault(`${shown(JSON.stringify(value))} is no text`, "write it in quotes");
}
