import { isJsonObject, type JsonObject } from "@myelin/core/json";
import { cell, numberOf, printable, readableUs } from "../output/index.ts";
import type { WatchEvent } from "./follow.ts";

/** Attributes of an agent's event that are shown, and how much of each. */
const maxAttributes = 8;
const maxValueLength = 80;

/** An event as people read it: when, what, who. Nothing for what only programs need. */
export function eventLine({ name, data }: WatchEvent): string | undefined {
  const text = textOf(name, data);
  return text === undefined ? undefined : printable(`${timeOf(data)}  ${text}`);
}

function timeOf(data: JsonObject): string {
  const time = cell(data["time"]);
  return time === "-" ? " ".repeat(15) : time.slice(11, 26).replace("Z", "");
}

function textOf(name: string, data: JsonObject): string | undefined {
  switch (name) {
    case "begin":
      return undefined;
    case "reset":
      return "the node was started anew: what happened before is not known, what follows is from its start";
    case "lost":
      return `lost: events ${cell(data["from"])} to ${cell(data["to"])}`;
    case "agents":
      return agentText(data);
    case "events":
      return agentEventText(data);
    case "episodes":
      return episodeText(data);
    case "instructions":
      return instructionText(data);
    default:
      return `${name} ${JSON.stringify(data)}`;
  }
}

function agentText(data: JsonObject): string {
  const part = data["part"] === undefined ? "" : ` (${cell(data["part"])})`;
  const how = data["isResumed"] === true ? ", session resumed" : "";
  const reason = data["reason"] === undefined ? "" : `: ${cell(data["reason"])}`;
  return `agent ${cell(data["agent"])}${part} ${cell(data["type"])}${how}${reason}`;
}

/** What an agent tells to have happened, with the first of its attributes. */
function agentEventText(data: JsonObject): string {
  const attributes = isJsonObject(data["attributes"]) ? Object.entries(data["attributes"]) : [];
  const shown = attributes
    .slice(0, maxAttributes)
    .map(([name, value]) => `${name} ${cell(value).slice(0, maxValueLength)}`);
  const more =
    attributes.length > maxAttributes ? [`${attributes.length - maxAttributes} more`] : [];
  const told = [...shown, ...more].join(", ");
  return `event ${cell(data["type"]).slice(0, maxValueLength)} at ${cell(data["agent"])} (${cell(data["part"])})${told === "" ? "" : `: ${told}`}`;
}

const episodeWords: Readonly<Record<string, string>> = {
  pending: "is pending for",
  lapsed: "is not pending any more for",
  firing: "fires on",
  resolved: "has resolved for",
};

function episodeText(data: JsonObject): string {
  const word = episodeWords[cell(data["type"])] ?? cell(data["type"]);
  const values = isJsonObject(data["values"]) ? Object.entries(data["values"]) : [];
  const shown = values.map(([metric, value]) => `${metric} ${cell(value)}`).join(", ");
  const held =
    data["isShadow"] === true ? " (shadow)" : data["isSuppressed"] === true ? " (breaker)" : "";
  return `rule ${cell(data["rule"])} ${word} ${cell(data["agent"])}${held}${shown === "" ? "" : `: ${shown}`}`;
}

function instructionText(data: JsonObject): string {
  const instruction = isJsonObject(data["instruction"]) ? data["instruction"] : {};
  const { action, actor, status, id } = instruction;
  const error = isJsonObject(instruction["error"]) ? instruction["error"] : undefined;
  const totalUs = numberOf(instruction["totalUs"]);
  const took = totalUs === null ? "" : ` in ${readableUs(totalUs)}`;
  const why = error === undefined ? "" : `: ${cell(error["code"])}, ${cell(error["message"])}`;
  const by = data["type"] === "accepted" ? ` by ${cell(actor)}` : "";
  return `instruction ${cell(action)} to ${cell(data["agent"])} ${cell(status)}${took}${by}${why}  ${cell(id)}`;
}
