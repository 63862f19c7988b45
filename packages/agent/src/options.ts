import type { Dial } from "@myelin/core/channel";
import type { Clock } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import { parseAgentId, parseIncarnation, parsePartName } from "@myelin/core/ids";
import { type Random, randomName } from "@myelin/core/random";
import { type EncodingName, parseEncodingName } from "@myelin/core/wire";
import type { BackoffOptions, Identity } from "./connection/index.ts";
import { cryptoRandom } from "./crypto-random.ts";
import { systemClock, systemWallUs } from "./time/index.ts";
import { dialWith } from "#dial";

/** Address of a node when nothing else is said. */
const defaultUrl = "ws://127.0.0.1:7400";
const tiers = ["device", "edge", "cloud"] as const;
const smallestBufferBytes = 16_384;

/** Where an agent runs. */
export type Tier = (typeof tiers)[number];

/** Files of PEM: whom to trust, and what to prove oneself with where the node asks for it. */
export interface AgentTlsFiles {
  /** Authorities to trust besides the system's; MYELIN_CA. */
  readonly ca?: string;
  /** MYELIN_CERT. */
  readonly cert?: string;
  /** MYELIN_KEY. */
  readonly key?: string;
}

/** Who an agent is and how it reaches its node. What is absent comes from the environment, where there is one. */
export interface AgentOptions {
  /** `ws:`, `wss:`, `http:`, `https:` or `unix:`; MYELIN_URL, else `ws://127.0.0.1:7400`. */
  readonly url?: string;
  /** Unique in the fleet; MYELIN_AGENT_ID. There is no other default. */
  readonly id?: string;
  /** Kind of agent, such as `worker`; MYELIN_AGENT_TYPE, else `agent`. */
  readonly type?: string;
  /** Which program of the agent this is; MYELIN_PART, else `app`. */
  readonly part?: string;
  /** MYELIN_TIER, else `device`. */
  readonly tier?: Tier;
  /** What the agent can do; MYELIN_CAPABILITIES, separated by commas. */
  readonly capabilities?: readonly string[];
  /** Free attributes that rules and selectors read; MYELIN_LABELS, as `zone=a,rack=7`. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Secret that admits the agent; MYELIN_TOKEN. */
  readonly token?: string;
  /** How frames are written: `proto`, `msgpack` or `json`; MYELIN_ENCODING, else `proto`. */
  readonly encoding?: EncodingName;
  /** Files of PEM for TLS, in Node: read at each try to connect. */
  readonly tls?: AgentTlsFiles;
  /** Names this life of the program; random by default. */
  readonly incarnation?: string;
  /** Bound on telemetry kept until the node confirms it, in bytes; 4 MiB by default, at least 16 KiB. */
  readonly bufferBytes?: number;
  /** Backlog of the connection above which telemetry is held, in bytes; 256 KiB by default. */
  readonly highWaterBytes?: number;
  /** Most outcomes of instructions kept; 10,000 by default. */
  readonly maxOutcomes?: number;
  /** Waits between tries to connect; up to 100 ms at first, up to 5 s in the end by default. */
  readonly backoff?: BackoffOptions;
  /** How long one try to connect may take, in milliseconds; 10 s by default. */
  readonly connectTimeoutMs?: number;
  /** Opens channels; the platform's WebSocket (and Unix sockets in Node) by default. That of a node in the same process leads to its `url` alone. */
  readonly dial?: Dial;
  /** Time that never goes back; the platform's by default. */
  readonly clock?: Clock;
  /** The wall clock in microseconds, to which `clock` is held; the platform's by default, none when `clock` is given. */
  readonly wallUs?: () => number;
  /** Spreads reconnects and names incarnations; the platform's by default. */
  readonly random?: Random;
}

/** The options with all defaults in place. */
export interface ResolvedOptions {
  readonly url: string;
  readonly identity: Identity;
  readonly encoding: EncodingName;
  readonly bufferBytes: number;
  readonly highWaterBytes: number;
  readonly maxOutcomes: number;
  readonly backoff: BackoffOptions;
  readonly connectTimeoutMs: number;
  readonly dial: Dial;
  readonly clock: Clock;
  readonly wallUs: (() => number) | undefined;
  readonly random: Random;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The process's environment; empty in a browser. */
export function platformEnvironment(): Environment {
  const { process } = globalThis as { readonly process?: { readonly env?: Environment } };
  return process?.env ?? {};
}

/**
 * Fills in what was left out.
 * @throws MyelinError INVALID_ARGUMENT
 */
export function resolveOptions(options: AgentOptions, environment: Environment): ResolvedOptions {
  const random = options.random ?? cryptoRandom;
  const bufferBytes = options.bufferBytes ?? 4 * 1024 * 1024;
  if (!(bufferBytes >= smallestBufferBytes)) {
    throw new MyelinError(
      "INVALID_ARGUMENT",
      `bufferBytes must be at least ${smallestBufferBytes}`,
    );
  }
  return {
    url: options.url ?? (environment["MYELIN_URL"] || defaultUrl),
    identity: identityOf(options, environment, random),
    encoding: parseEncodingName(options.encoding ?? (environment["MYELIN_ENCODING"] || "proto")),
    bufferBytes,
    highWaterBytes: options.highWaterBytes ?? 256 * 1024,
    maxOutcomes: options.maxOutcomes ?? 10_000,
    backoff: options.backoff ?? { baseMs: 100, capMs: 5_000 },
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    dial: options.dial ?? dialWith(tlsOf(options, environment)),
    clock: options.clock ?? systemClock,
    wallUs: options.wallUs ?? (options.clock === undefined ? systemWallUs : undefined),
    random,
  };
}

function tlsOf({ tls = {} }: AgentOptions, environment: Environment): AgentTlsFiles {
  const ca = tls.ca ?? (environment["MYELIN_CA"] || undefined);
  const cert = tls.cert ?? (environment["MYELIN_CERT"] || undefined);
  const key = tls.key ?? (environment["MYELIN_KEY"] || undefined);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

function identityOf(options: AgentOptions, environment: Environment, random: Random): Identity {
  const id = options.id ?? environment["MYELIN_AGENT_ID"];
  if (id === undefined || id === "") {
    throw new MyelinError("INVALID_ARGUMENT", "an agent needs an id", {
      hint: "Give connect an id that is unique in the fleet, or set MYELIN_AGENT_ID.",
    });
  }
  return {
    id: parseAgentId(id),
    type: options.type ?? (environment["MYELIN_AGENT_TYPE"] || "agent"),
    part: parsePartName(options.part ?? (environment["MYELIN_PART"] || "app")),
    incarnation: parseIncarnation(options.incarnation ?? randomName(random, 22)),
    tier: tierOf(options.tier ?? (environment["MYELIN_TIER"] || "device")),
    capabilities: options.capabilities ?? listOf(environment["MYELIN_CAPABILITIES"]),
    labels: options.labels ?? labelsOf(environment["MYELIN_LABELS"]),
    token: options.token ?? environment["MYELIN_TOKEN"] ?? "",
  };
}

function tierOf(text: string): Tier {
  const tier = tiers.find((candidate) => candidate === text);
  if (tier !== undefined) return tier;
  throw new MyelinError("INVALID_ARGUMENT", `${JSON.stringify(text)} is no tier`, {
    hint: `A tier is ${tiers.join(", ")}.`,
  });
}

function listOf(text: string | undefined): string[] {
  return (text ?? "").split(",").flatMap((item) => item.trim() || []);
}

function labelsOf(text: string | undefined): Record<string, string> {
  const entries = listOf(text).map((item): [string, string] => {
    const at = item.indexOf("=");
    if (at > 0) return [item.slice(0, at).trim(), item.slice(at + 1).trim()];
    throw new MyelinError(
      "INVALID_ARGUMENT",
      `MYELIN_LABELS: ${JSON.stringify(item)} is no label`,
      {
        hint: "Write labels as name=value, separated by commas.",
      },
    );
  });
  return Object.fromEntries(entries);
}
