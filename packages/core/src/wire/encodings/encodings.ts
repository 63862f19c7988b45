import { MyelinError } from "../../errors/index.ts";
import type { Encoding, EncodingName } from "./encoding.ts";
import { json } from "./json.ts";
import { msgpack } from "./msgpack.ts";
import { proto } from "./proto.ts";

const encodings: Readonly<Record<EncodingName, Encoding>> = { proto, msgpack, json };

/** Every encoding; the first is spoken where nothing is agreed. */
export const encodingNames: readonly EncodingName[] = ["proto", "msgpack", "json"];

/** The encoding of that name; protobuf where none is named. */
export function encodingNamed(name: EncodingName = "proto"): Encoding {
  return encodings[name];
}

/** The WebSocket subprotocol in which a peer offers or takes an encoding. */
export function subprotocolOf(name: EncodingName): string {
  return `myelin.v1.${name}`;
}

/** The encoding that a WebSocket subprotocol stands for. */
export function encodingOfSubprotocol(subprotocol: string): EncodingName | undefined {
  return encodingNames.find((name) => subprotocolOf(name) === subprotocol);
}

/** Reads the name of an encoding. @throws MyelinError INVALID_ARGUMENT */
export function parseEncodingName(text: string): EncodingName {
  const name = encodingNames.find((candidate) => candidate === text);
  if (name !== undefined) return name;
  throw new MyelinError("INVALID_ARGUMENT", `${JSON.stringify(text)} is no encoding`, {
    hint: `An encoding is ${encodingNames.join(", ")}.`,
  });
}
