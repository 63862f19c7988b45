import { malformed } from "../byte-reader.ts";

/** Bytes among the values of a frame, where the encoding has them. JSON values hold none. */
export class Binary {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** @throws MyelinError PROTOCOL_ERROR always: it was found where only JSON may stand */
  toJSON(): never {
    throw malformed("a JSON value", "holds bytes");
  }
}
