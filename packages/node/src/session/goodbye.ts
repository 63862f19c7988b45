import type { ErrorCode, MyelinError } from "@myelin/core/errors";
import type { Goodbye } from "@myelin/core/wire";

/** Errors that no reconnect mends. */
const finalCodes: ReadonlySet<ErrorCode> = new Set([
  "TAKEN_OVER",
  "UNAUTHENTICATED",
  "PERMISSION_DENIED",
  "INVALID_ARGUMENT",
  "UNSUPPORTED_VERSION",
] as const);

/** The goodbye of an error; `canResume` when the session goes on without this connection. */
export function goodbyeOf(error: MyelinError, canResume: boolean): Goodbye {
  return {
    code: error.code,
    message: error.message,
    canResume,
    isFinal: finalCodes.has(error.code),
  };
}
