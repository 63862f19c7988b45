/**
 * What a node can be told, once: the file `myelin.yaml`, the environment and the flags of
 * `myelin up` are all read by this table, and `docs/configuration.md` is generated from it.
 *
 * To add a key: a line in `NodeConfig`, an entry in `configKeys`, its use in `commands/up.ts`, and
 * `npm run generate`. The name in `NodeConfig` is the flag's (`allowHost` is `--allow-host`).
 */
import {
  choice,
  type ConfigValue,
  count,
  type Form,
  httpAddress,
  list,
  listenAddress,
  path,
  port,
  secret,
  share,
  socketPath,
  text,
} from "./forms.ts";

/** A node's configuration but its bounds. A key without a default is undefined where nothing gives it. */
export interface NodeConfig {
  readonly host: string;
  readonly port: number;
  readonly unix: string | undefined;
  readonly data: string;
  readonly adminListen: string | undefined;
  readonly token: string | undefined;
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  readonly tlsClientCa: string | undefined;
  readonly allowOrigin: readonly string[];
  readonly allowHost: readonly string[];
  readonly record: "off" | "on";
  readonly otlp: string | undefined;
  readonly otlpSample: number;
  readonly logLevel: "trace" | "debug" | "info" | "warn" | "error";
  readonly id: string | undefined;
  readonly tier: "device" | "edge" | "cloud";
  readonly capability: readonly string[];
  readonly location: string | undefined;
  readonly status: string;
  readonly neighbor: readonly string[];
  readonly lanes: number;
  readonly lanePort: number;
  readonly laneUrl: readonly string[];
}

/** One key. */
export interface ConfigKey<Value extends ConfigValue = ConfigValue> {
  /** Where it is in the file; parts of it are in a map each. */
  readonly path: string;
  /** Other names in the file. */
  readonly aliases?: readonly string[];
  readonly form: Form<Value>;
  readonly default?: Value;
  /** What holds without a value, where that is no constant. */
  readonly defaultNote?: string;
  /** What it means; the flag's explanation too. */
  readonly brief: string;
  /** Never printed. */
  readonly isSecret?: boolean;
}

type KeyOf<Value> = ConfigKey<Extract<Value, ConfigValue>> &
  (undefined extends Value ? unknown : { readonly default: Value });

/** Every key, by the name of its flag. */
export const configKeys: { readonly [Name in keyof NodeConfig]: KeyOf<NodeConfig[Name]> } = {
  host: {
    path: "host",
    form: text,
    default: "127.0.0.1",
    brief:
      "Address to listen on; beyond loopback a token is required, else the node does not start",
  },
  port: { path: "port", form: port, default: 7400, brief: "Port to listen on; 0 for a free one" },
  unix: {
    path: "unix",
    form: socketPath,
    brief: "Unix socket to listen on besides; @name for Linux's abstract namespace",
  },
  data: {
    path: "data",
    form: path,
    default: "~/.myelin",
    brief: "Data directory: state, rules and the ledger",
  },
  adminListen: {
    path: "adminListen",
    form: listenAddress,
    defaultNote: "the one port has all",
    brief:
      "HOST:PORT of a listener of its own for the API; then the main one has agents, /healthz and /readyz only",
  },
  token: {
    path: "token",
    form: secret,
    isSecret: true,
    brief: "Secret that agents and callers must show; better not as a flag, which other users see",
  },
  tlsCert: {
    path: "tls.cert",
    form: path,
    brief: "Certificate, as PEM, for TLS on every TCP listener; read again when it changes",
  },
  tlsKey: { path: "tls.key", form: path, brief: "Key of the certificate, as PEM" },
  tlsClientCa: {
    path: "tls.clientCa",
    form: path,
    brief: "Authorities of clients' certificates, as PEM; every client must then show one",
  },
  allowOrigin: {
    path: "allowOrigins",
    form: list,
    default: [],
    defaultNote: "the node's own only",
    brief: "Origin whose browser pages may call, such as https://console.example",
  },
  allowHost: {
    path: "allowHosts",
    form: list,
    default: [],
    defaultNote: "its address and `localhost`",
    brief: "Name under which the node may be called",
  },
  record: {
    path: "record",
    form: choice(["off", "on"]),
    default: "off",
    brief:
      "Whether what rules are told (samples, events, state) is recorded in the data directory, for backtests",
  },
  otlp: {
    path: "otlp.url",
    form: httpAddress,
    brief:
      "Collector that traces of instructions are sent to, by OTLP over HTTP, such as http://127.0.0.1:4318",
  },
  otlpSample: {
    path: "otlp.sample",
    form: share,
    default: 1,
    brief: "Share of the instructions that are traced, 0 to 1, but for those of a caller's trace",
  },
  logLevel: {
    path: "logLevel",
    form: choice(["trace", "debug", "info", "warn", "error"]),
    default: "info",
    brief: "How much to log",
  },
  id: {
    path: "node.id",
    form: text,
    defaultNote: "the host's name",
    brief: "Id of the node",
  },
  tier: {
    path: "node.tier",
    aliases: ["node.type"],
    form: choice(["device", "edge", "cloud"]),
    default: "edge",
    brief: "Tier of the node",
  },
  capability: {
    path: "node.capabilities",
    form: list,
    default: [],
    brief: "What the node can do, for people and programs that choose one",
  },
  location: { path: "node.location", form: text, brief: "Where the node stands" },
  status: {
    path: "node.status",
    form: text,
    default: "active",
    brief: "What its operators say of it; the node itself decides nothing by it",
  },
  neighbor: {
    path: "node.neighbors",
    form: list,
    default: [],
    brief: "Id of a node or device nearby",
  },
  lanes: {
    path: "lanes",
    form: count("a number of lanes, from 1 to 64", 1, 64),
    default: 1,
    brief: "Lanes: arcs side by side, each with a thread and a listener of its own",
  },
  lanePort: {
    path: "lanePort",
    form: port,
    default: 0,
    defaultNote: "free ones",
    brief: "Port of the first of several lanes; those of the others follow it",
  },
  laneUrl: {
    path: "laneUrls",
    form: list,
    default: [],
    defaultNote: "the host by which an agent came, with the lane's port",
    brief:
      "Address of a lane as agents reach it, where ports are mapped; one for each lane, in order",
  },
};

/** The name of a key's environment variable: `node.id` is MYELIN_NODE_ID. */
export function variableOf(keyPath: string): string {
  return `MYELIN_${keyPath.replaceAll(/[A-Z]/g, "_$&").replaceAll(".", "_").toUpperCase()}`;
}

/** A flag as it is typed: `allowHost` is `--allow-host`. */
export function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
