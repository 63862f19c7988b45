import { malformed } from "../byte-reader.ts";
import { type FrameVisitor, readFrame } from "../frame-reader.ts";
import { toBase64 } from "./base64.ts";
import type { Encoding } from "./encoding.ts";
import { type Forms, fromProto } from "./from-proto.ts";
import { toProto } from "./to-proto.ts";

const decoder = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();
const forms: Forms = { bytes: toBase64, unusual: String };

/** Readable: one frame, one list of operations or one operation as a text. */
export const json: Encoding = {
  name: "json",
  isText: true,
  read(bytes: Uint8Array, visitor: FrameVisitor, nowUs: number): void {
    readFrame(toProto(parse(bytes), nowUs), visitor);
  },
  encode(frame: Uint8Array): Uint8Array {
    return encoder.encode(JSON.stringify(fromProto(frame, forms)));
  },
};

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch (cause) {
    const problem = cause instanceof SyntaxError ? `is no JSON: ${cause.message}` : "is not UTF-8";
    throw malformed("the text", problem, cause);
  }
}
