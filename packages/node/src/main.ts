/** The composition root: adapters plugged into the arc. */
import { homedir, hostname } from "node:os";
import { join } from "node:path";
import { MyelinError } from "@myelin/core/errors";
import type { InstructionDocument } from "@myelin/core/instruction";
import type { Logger } from "pino";
import { Access, assertGuarded, endOfToken, isLoopbackHost, TokenBook } from "./access/index.ts";
import { StoreBackups } from "./adapters/backup/index.ts";
import { cryptoRandom } from "./adapters/crypto-random/index.ts";
import {
  checkTlsFiles,
  createHttpServer,
  isWildcard,
  openTlsFiles,
  type TlsPaths,
} from "./adapters/http-server/index.ts";
import { createLoadMeter } from "./adapters/load/index.ts";
import { createLog } from "./adapters/log/index.ts";
import { createMemoryStore } from "./adapters/memory-store/index.ts";
import { createMetrics } from "./adapters/metrics/index.ts";
import { keptTokens, openSqliteStore } from "./adapters/sqlite-store/index.ts";
import { systemClock } from "./adapters/system-clock/index.ts";
import { systemResources } from "./adapters/system-resources/index.ts";
import { createUnixTransport } from "./adapters/unix-transport/index.ts";
import { createHealth, type EnforcementDocument, enforcementDocument } from "./api/index.ts";
import { Arc } from "./arc.ts";
import { createArcApi } from "./arc-api.ts";
import { logNotice } from "./log-notice.ts";
import type { Store, StoreHealth } from "./ports/store.ts";
import type { Transport } from "./ports/transport.ts";
import type { OverloadFigures } from "./scheduler/index.ts";
import { defaultSessionSettings, type SessionSettings } from "./session/index.ts";
import { type ArcSettings, defaultArcSettings } from "./settings.ts";
import { nodeVersion } from "./version.ts";
import { warmUp } from "./warm-up.ts";

/** How a node is started. Everything has a default. */
export interface NodeOptions {
  /** Address to listen on; `127.0.0.1` unless given. Beyond loopback a token is required. */
  readonly host?: string;
  /** Port to listen on; 7400 unless given, 0 for a free one. */
  readonly port?: number;
  /** Path of a Unix socket (`@name` for the abstract namespace) to listen on besides; none unless given. */
  readonly unixPath?: string;
  /** Where state, rules and the ledger are kept; `~/.myelin` unless given. */
  readonly dataDirectory?: string;
  /** `disk` unless given; `memory` keeps nothing beyond the node's life. */
  readonly storage?: "disk" | "memory";
  /** Secret that admits its bearer as an operator, besides the tokens that the node keeps. */
  readonly token?: string;
  /** A listener of its own for the API and the metrics; then the other one has agents and health only. */
  readonly adminListen?: { readonly host: string; readonly port: number };
  /** Certificate and key, for TLS on every TCP listener. */
  readonly tls?: TlsPaths;
  /** Id of the node; the host's name unless given. */
  readonly id?: string;
  readonly tier?: "device" | "edge" | "cloud";
  /** What the node can do. */
  readonly capabilities?: readonly string[];
  /** Where the node stands. */
  readonly location?: string;
  /** What its operators say of it; `active` unless given. The node decides nothing by it. */
  readonly status?: string;
  /** Ids of nodes and devices nearby. */
  readonly neighbors?: readonly string[];
  /** Origins of browser pages that may call, besides the node's own. */
  readonly allowedOrigins?: readonly string[];
  /** Names under which the node may be called, besides its address. */
  readonly allowedHosts?: readonly string[];
  /** Where the node logs; standard error as JSON lines unless given. */
  readonly log?: Logger;
  readonly session?: Partial<SessionSettings>;
  readonly limits?: Partial<ArcSettings>;
}

/** What a node says of itself. */
export interface NodeDescription {
  readonly id: string;
  readonly tier: string;
  readonly version: string;
  readonly capabilities: readonly string[];
  readonly location: string | null;
  /** What its operators say of it. */
  readonly status: string;
  readonly neighbors: readonly string[];
  readonly startedAt: string;
  readonly uptimeSeconds: number;
  /** Agents known, present and gone. */
  readonly agents: number;
  /** Sessions, live and away. */
  readonly sessions: number;
  readonly rules: number;
  readonly openInstructions: number;
  /** Whether rules are enforced, or all decide as in shadow mode. */
  readonly enforcement: EnforcementDocument;
  /** Rules whose breakers are open. */
  readonly openBreakers: readonly string[];
  readonly store: StoreHealth;
  readonly overload: OverloadFigures;
  readonly state: "serving" | "draining";
}

/** A node that runs. */
export interface RunningNode {
  /** Address that agents dial. */
  readonly url: string;
  /** Address of the HTTP API; that of its own listener where there is one. */
  readonly httpUrl: string;
  /** Address of the Unix socket, where one was asked for. */
  readonly unixUrl: string | undefined;
  /** Told of each instruction that ended; returns what ends the telling. */
  onInstructionEnded(listener: (document: InstructionDocument) => void): () => void;
  /** Reads certificate and key again; what cannot be used is logged, and changes nothing. */
  reloadTls(): Promise<void>;
  /** What the node says of itself, as `GET /api/v1/node`. */
  describe(): NodeDescription;
  /** Drains within `boundMs` (5 s unless given), then lets go of everything. Called again it gives the same promise. */
  close(boundMs?: number): Promise<void>;
}

const maxBodyBytes = 4 << 20;
const maxConnections = 60_000;

/**
 * Starts a node in this process.
 * @throws MyelinError AUTHENTICATION_REQUIRED, ADDRESS_IN_USE, DATA_DIRECTORY_LOCKED, STORAGE_UNAVAILABLE,
 * STORAGE_CORRUPT, SCHEMA_TOO_NEW, INVALID_ARGUMENT
 */
export async function startNode(options: NodeOptions = {}): Promise<RunningNode> {
  const host = options.host ?? "127.0.0.1";
  Access.assertToken(options.token);
  const clock = systemClock();
  const startedAtUs = clock.nowUs();
  const log = options.log ?? (await createLog({ level: "info", isReadable: false }));
  const { adminListen } = options;
  const tls = options.tls === undefined ? undefined : await openTlsFiles(options.tls, clock);
  tls?.listen({
    onChange: () => log.info("the changed certificate is in use for new connections"),
    onUnfit: ({ message }) =>
      log.error({ reason: message }, "the changed certificate cannot be used; the old one stays"),
  });
  const { store, backups } = await openStore(options).catch((error: unknown) => {
    tls?.close();
    throw error;
  });
  const sessionSettings = { ...defaultSessionSettings, ...options.session };
  const identity = {
    id: options.id ?? hostname(),
    tier: options.tier ?? "edge",
    version: nodeVersion,
  };
  const listeners = new Set<(document: InstructionDocument) => void>();
  const random = cryptoRandom();
  const access = new Access({
    ...(options.token === undefined ? {} : { token: options.token }),
    tokens: new TokenBook({
      clock,
      random,
      store,
      onStoreError: (error) => logNotice(log, { kind: "store-error", error }),
    }),
    hosts: adminListen === undefined ? [host] : [host, adminListen.host],
  });
  const common = {
    clock,
    sessionSettings,
    random,
    node: identity,
    settings: { ...defaultArcSettings, ...options.limits },
  };
  const arc = new Arc({
    ...common,
    resources: systemResources(),
    store,
    access,
    onNotice: (notice) => {
      logNotice(log, notice);
      if (notice.kind === "instruction-ended")
        for (const listener of listeners) listener(notice.document);
    },
  });
  const metrics = createMetrics(arc, store);
  const meter = createLoadMeter(clock, () => ({
    samples: arc.engine.counters.samples,
    frames: arc.sessions.counters.frames,
    bytes: arc.sessions.counters.bytes,
    instructions: arc.watch.latestEnded.count,
  }));
  const describe = (): NodeDescription => ({
    ...identity,
    capabilities: options.capabilities ?? [],
    location: options.location ?? null,
    status: options.status ?? "active",
    neighbors: options.neighbors ?? [],
    startedAt: new Date(startedAtUs / 1000).toISOString(),
    uptimeSeconds: Math.round((clock.nowUs() - startedAtUs) / 1e6),
    agents: arc.registry.size,
    sessions: arc.sessions.sessionCount,
    rules: arc.rules.list().length,
    openInstructions: arc.dispatch.openCount,
    enforcement: enforcementDocument(arc.enforcement),
    openBreakers: arc.engine.openBreakers(),
    store: store.health(),
    overload: arc.overloadFigures(),
    state: arc.isDraining ? "draining" : "serving",
  });
  const unreadiness = (): string | undefined =>
    arc.isDraining ? "the node is shutting down" : undefined;
  const api = createArcApi(arc, {
    clock,
    store,
    access,
    describeNode: describe,
    metrics: () => metrics.read(),
    load: () => meter.read(),
    makeBackup:
      backups &&
      (() =>
        backups.make({
          version: nodeVersion,
          node: identity.id,
          createdAtMs: clock.nowUs() / 1000,
        })),
    unreadiness,
  });
  const listening = {
    clock,
    ...(tls === undefined ? {} : { tls }),
    maxBodyBytes,
    maxConnections,
    maxFrameBytes: sessionSettings.maxFrameBytes,
    allowedOrigins: options.allowedOrigins ?? [],
    allowedHosts: options.allowedHosts ?? [],
  };
  const server = createHttpServer({
    ...listening,
    host,
    port: options.port ?? 7400,
    handler: adminListen === undefined ? api : createHealth({ unreadiness }),
  });
  const admin =
    adminListen === undefined
      ? undefined
      : createHttpServer({
          ...listening,
          ...adminListen,
          handler: api,
          agentsAt: () => (isWildcard(host) ? `port ${server.port}` : server.url),
        });
  const unix =
    options.unixPath === undefined
      ? undefined
      : createUnixTransport({
          path: options.unixPath,
          clock,
          maxConnections,
          maxFrameBytes: sessionSettings.maxFrameBytes,
        });
  const transports: Transport[] = [server, admin, unix].filter((each) => each !== undefined);
  const opened: Transport[] = [];
  let warmedUp: Promise<void>;
  try {
    await arc.start();
    access.assertGuarded();
    for (const transport of transports) {
      await transport.listen((channel, peer) => arc.accept(channel, peer));
      opened.push(transport);
    }
    log.info(
      {
        url: server.url,
        ...(admin === undefined ? {} : { admin: admin.httpUrl }),
        ...(unix === undefined ? {} : { unix: unix.url }),
        node: identity.id,
      },
      "the node serves",
    );
    const rehearsal = new Arc({
      ...common,
      store: createMemoryStore(),
      access: new Access({ tokens: undefined, hosts: [] }),
      onNotice: () => undefined,
    });
    warmedUp = warmUp(rehearsal, clock);
  } catch (error) {
    await Promise.allSettled(opened.map((transport) => transport.close()));
    meter.stop();
    tls?.close();
    await Promise.allSettled([arc.drain(0)]);
    await Promise.allSettled([store.close()]);
    throw error;
  }
  const stop = async (boundMs: number): Promise<void> => {
    log.info("the node drains");
    await arc.drain(boundMs * 1000);
    meter.stop();
    await warmedUp;
    await Promise.allSettled(transports.map((transport) => transport.close()));
    tls?.close();
    await store.close();
    log.info("the node has stopped");
  };
  let closing: Promise<void> | undefined;
  return {
    url: server.url,
    httpUrl: (admin ?? server).httpUrl,
    unixUrl: unix?.url,
    reloadTls: async () => await tls?.reload(),
    describe,
    onInstructionEnded: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: (boundMs = 5000) => (closing ??= stop(boundMs)),
  };
}

/**
 * What would keep a node of these options from starting, as far as it can be seen without starting one:
 * an empty token, TLS files that cannot be used, a listener beyond loopback without a token. It looks,
 * and changes nothing. Where the data directory is in use its tokens count as valid.
 */
export async function findProblems(options: NodeOptions): Promise<MyelinError[]> {
  const { token, tls, host = "127.0.0.1", adminListen } = options;
  const checks: readonly (() => void | Promise<void>)[] = [
    () => Access.assertToken(token),
    async () => (tls === undefined ? undefined : await checkTlsFiles(tls)),
    () => {
      const hosts = [host, ...(adminListen === undefined ? [] : [adminListen.host])];
      if (hosts.every(isLoopbackHost) || token !== undefined) return;
      const hasToken = keepsToken(options);
      for (const each of hosts) assertGuarded(each, hasToken);
    },
  ];
  const problems: MyelinError[] = [];
  for (const check of checks) {
    try {
      await check();
    } catch (thrown) {
      problems.push(MyelinError.from(thrown));
    }
  }
  return problems;
}

function keepsToken(options: NodeOptions): boolean {
  if (options.storage === "memory") return false;
  const nowUs = systemClock().nowUs();
  const kept = keptTokens(directoryOf(options));
  return kept?.some((token) => endOfToken(token, nowUs) === undefined) ?? true;
}

function directoryOf({ dataDirectory }: NodeOptions): string {
  return dataDirectory ?? join(homedir(), ".myelin");
}

async function openStore(
  options: NodeOptions,
): Promise<{ readonly store: Store; readonly backups: StoreBackups | undefined }> {
  if (options.storage === "memory") return { store: createMemoryStore(), backups: undefined };
  const directory = directoryOf(options);
  const store = await openSqliteStore({ directory });
  return { store, backups: new StoreBackups(store, directory) };
}
