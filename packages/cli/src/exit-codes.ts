import { type ErrorCode, MyelinError } from "@myelin/core/errors";

/** What the command's exit status means. `docs/cli.md` lists them. */
export const exitCodes = {
  success: 0,
  /** What was asked for was tried and did not come about. */
  failure: 1,
  /** The command or its input is wrong. */
  usage: 2,
  /** The node cannot be reached, or cannot take this now. */
  unavailable: 3,
  /** The node does not admit the caller. */
  refused: 4,
  /** What was named does not exist. */
  notFound: 5,
  /** A fault in Myelin. */
  internal: 70,
} as const;

const byCode: Partial<Record<ErrorCode, number>> = {
  INVALID_ARGUMENT: exitCodes.usage,
  RULE_INVALID: exitCodes.usage,
  AUTHENTICATION_REQUIRED: exitCodes.usage,
  UNSUPPORTED_PLATFORM: exitCodes.usage,
  UNAVAILABLE: exitCodes.unavailable,
  NODE_DRAINING: exitCodes.unavailable,
  RESOURCE_EXHAUSTED: exitCodes.unavailable,
  STORAGE_FULL: exitCodes.unavailable,
  STORAGE_UNAVAILABLE: exitCodes.unavailable,
  UNAUTHENTICATED: exitCodes.refused,
  PERMISSION_DENIED: exitCodes.refused,
  NOT_FOUND: exitCodes.notFound,
  INTERNAL: exitCodes.internal,
};

/** The exit status for whatever a command threw. */
export function exitCodeOf(thrown: unknown): number {
  return byCode[MyelinError.from(thrown).code] ?? exitCodes.failure;
}
