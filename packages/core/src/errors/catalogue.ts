/** How one error code is treated: is a retry of the same call sensible, and which HTTP status bears it. */
export interface ErrorCodeInfo {
  /** What happened, in one sentence. */
  readonly meaning: string;
  /** What the reader should do about it. */
  readonly remedy: string;
  /** True when the same call may succeed later without a change by the caller. */
  readonly isRetryable: boolean;
  /** Status of an HTTP answer that carries this code. */
  readonly httpStatus: number;
}

/** Every code that Myelin ever says, once: HTTP status, is it retryable, meaning, remedy. */
const entries = {
  INVALID_ARGUMENT: [
    400,
    false,
    "A value is malformed or out of range.",
    "Correct the value that the message names.",
  ],
  RULE_INVALID: [
    400,
    false,
    "A rule file has errors; nothing of it was applied.",
    "Mend the lines listed in details.problems and apply again.",
  ],
  UNAUTHENTICATED: [
    401,
    false,
    "No token was given, or it is not valid.",
    "Give a valid token (--token or MYELIN_TOKEN).",
  ],
  PERMISSION_DENIED: [
    403,
    false,
    "The caller may not do this.",
    "Use a token with the needed role, or call from an allowed origin.",
  ],
  NOT_FOUND: [
    404,
    false,
    "There is no such agent, rule, instruction or route.",
    "Check the name; list what exists.",
  ],
  ALREADY_EXISTS: [
    409,
    false,
    "A thing with that name exists with other content.",
    "Use another name or idempotency key.",
  ],
  CONFLICT: [
    409,
    false,
    "The thing is not in a state that allows this.",
    "Read its present state, then decide.",
  ],
  PRECONDITION_FAILED: [
    412,
    false,
    "The thing has changed since the caller read it.",
    "Read it again, look whether the change is still right, and send it with the new ETag.",
  ],
  PAYLOAD_TOO_LARGE: [
    413,
    false,
    "A body or frame exceeds the limit.",
    "Send less at once; the limit is in the message.",
  ],
  RESOURCE_EXHAUSTED: [
    429,
    true,
    "A bound of the node is reached.",
    "Retry later, or raise the limit that the message names.",
  ],
  INTERNAL: [500, false, "A fault in Myelin itself.", "Report it with the log lines around it."],
  UNAVAILABLE: [
    503,
    true,
    "The node or the agent cannot be reached now.",
    "Check that it runs and that the address is right; retry.",
  ],
  NODE_DRAINING: [
    503,
    true,
    "The node is shutting down and takes no new work.",
    "Retry at another node, or when this one is back.",
  ],
  STORAGE_FULL: [
    507,
    true,
    "The disk is full, so nothing new can be promised.",
    "Free space; the node recovers by itself. Stops can go out with durability: memory.",
  ],
  STORAGE_UNAVAILABLE: [
    503,
    true,
    "The data directory cannot be read or written.",
    "Check path, owner and permissions of the data directory.",
  ],
  STORAGE_CORRUPT: [
    500,
    false,
    "A file of the data directory is damaged; nothing was changed.",
    "Restore a backup or move the file away.",
  ],
  SCHEMA_TOO_NEW: [
    500,
    false,
    "The data directory was written by a newer Myelin.",
    "Start that version, or use another data directory.",
  ],
  DATA_DIRECTORY_LOCKED: [
    409,
    false,
    "Another node uses this data directory.",
    "Stop it, or give another --data.",
  ],
  ADDRESS_IN_USE: [
    409,
    false,
    "The address is taken by another process.",
    "Choose another port or stop that process.",
  ],
  AUTHENTICATION_REQUIRED: [
    401,
    false,
    "A node beyond loopback needs a token.",
    "Start with --token or MYELIN_TOKEN, or listen on 127.0.0.1.",
  ],
  UNSUPPORTED_PLATFORM: [
    501,
    false,
    "This operating system or machine cannot do this.",
    "The message says what is missing.",
  ],
  UNSUPPORTED_VERSION: [
    400,
    false,
    "The peer speaks a protocol version that this side does not.",
    "Upgrade the older side.",
  ],
  PROTOCOL_ERROR: [
    400,
    false,
    "A frame is malformed or out of place.",
    "Upgrade the SDK; if it is the newest, report the fault.",
  ],
  TAKEN_OVER: [
    409,
    false,
    "A newer session of the same agent and part has taken over.",
    "Run each agent id and part once, or give it an id of its own.",
  ],
  SLOW_READER: [
    429,
    true,
    "The agent did not read what was sent to it until the hard bound was reached.",
    "Look at what blocks the agent; it resumes by itself.",
  ],
  SESSION_EXPIRED: [
    410,
    true,
    "The session's resume window has passed.",
    "Nothing to do: the SDK joins anew.",
  ],
  HEARTBEAT_LOST: [
    503,
    true,
    "Nothing was heard from the peer for too long; the connection counts as broken.",
    "Look at the agent or the network; the SDK reconnects by itself.",
  ],
  NO_HANDLER: [
    404,
    false,
    "No part of the agent handles this action.",
    "Register it with agent.on(action, …) or send another action.",
  ],
  HANDLER_FAILED: [
    500,
    false,
    "The agent's handler threw an error.",
    "Read the message: it is the handler's own.",
  ],
  BUSY: [
    429,
    true,
    "The agent's store of outcomes is full, so it takes no new instruction.",
    "Wait until earlier instructions are past their deadline.",
  ],
  BREAKER_OPEN: [
    503,
    true,
    "A circuit breaker is open, so the instruction was not sent.",
    "Look at why earlier instructions failed; it closes by itself or by hand.",
  ],
  SHADOW: [
    409,
    false,
    "The rule is in shadow mode: it decided, and nothing was sent.",
    "Set the rule's mode to enforce to have it act.",
  ],
  SHED: [
    429,
    true,
    "The instruction was dropped under load in favour of more important ones.",
    "Raise its priority or lower the load.",
  ],
  DEADLINE_EXCEEDED: [
    504,
    false,
    "The instruction could not begin before its deadline.",
    "Give a longer deadline, or find out why the agent was away.",
  ],
  TIMEOUT: [
    504,
    false,
    "The instruction began but did not finish in time.",
    "Give a longer timeout, or look at the handler.",
  ],
  OUTCOME_UNKNOWN: [
    500,
    false,
    "The agent's incarnation ended before it said what became of the instruction.",
    "Check the effect; mark the handler idempotent to have it sent again.",
  ],
  CANCELED: [409, false, "The caller gave up or canceled the work.", "Nothing to do."],
} as const;

/** The closed set of error codes. */
export type ErrorCode = keyof typeof entries;

/** What is to be known of every code. `docs/errors.md` is generated from it. */
export const errorCatalogue: Readonly<Record<ErrorCode, ErrorCodeInfo>> = Object.fromEntries(
  Object.entries(entries).map(([code, [httpStatus, isRetryable, meaning, remedy]]) => [
    code,
    { meaning, remedy, isRetryable, httpStatus },
  ]),
) as Record<ErrorCode, ErrorCodeInfo>;

/** True when `text` is one of the catalogue's codes. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorCatalogue, text);
}
