import { MyelinError } from "@myelin/core/errors";

/** Reads a port. @throws MyelinError INVALID_ARGUMENT */
export function parsePort(text: string): number {
  const port = Number(text);
  if (text !== "" && Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new MyelinError("INVALID_ARGUMENT", `${JSON.stringify(text)} is no port`);
}

/** Reads `NAME=VALUE`. @throws MyelinError INVALID_ARGUMENT */
export function parsePair(text: string): readonly [string, string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new MyelinError("INVALID_ARGUMENT", `${JSON.stringify(text)} is not NAME=VALUE`);
}
