/** The composition root: adapters plugged into the arc. */
import { homedir, hostname } from "node:os";
import { join } from "node:path";
import type { Dial } from "@myelin/core/channel";
import type { Clock } from "@myelin/core/clock";
import { type ErrorCode, MyelinError } from "@myelin/core/errors";
import type { InstructionDocument } from "@myelin/core/instruction";
import type { Logger } from "pino";
import { Access, assertGuarded, endOfToken, isLoopbackHost, TokenBook } from "./access/index.ts";
import { StoreBackups } from "./adapters/backup/index.ts";
import { cryptoRandom } from "./adapters/crypto-random/index.ts";
import { configurationOf, createDebug, redactorOf } from "./adapters/debug/index.ts";
import {
  checkTlsFiles,
  createHttpServer,
  isWildcard,
  openTlsFiles,
  type TlsFiles,
  type TlsPaths,
} from "./adapters/http-server/index.ts";
import { createLoadMeter, type LoadMeter } from "./adapters/load/index.ts";
import { createLog, logNotice } from "./adapters/log/index.ts";
import { createMemoryFetch } from "./adapters/memory-http/index.ts";
import { createMemoryStore } from "./adapters/memory-store/index.ts";
import { createMemoryTransport } from "./adapters/memory-transport/index.ts";
import { createMetrics, type Metrics, Refusals } from "./adapters/metrics/index.ts";
import { dropOtherLogs, laneLogs } from "./adapters/recordings/index.ts";
import {
  keptTokens,
  openSqliteStore,
  SqliteStore,
  type StorageFigures,
  storageFigures,
} from "./adapters/sqlite-store/index.ts";
import { systemClock } from "./adapters/system-clock/index.ts";
import { systemResources } from "./adapters/system-resources/index.ts";
import { openRun, type Run } from "./adapters/run/index.ts";
import { openTraces, traceLog, type TraceOptions, type Traces } from "./adapters/traces/index.ts";
import { createUnixTransport } from "./adapters/unix-transport/index.ts";
import { createHealth } from "./api/index.ts";
import { Arc, type ArcOptions } from "./arc.ts";
import { createArcApi } from "./arc-api.ts";
import { describer, type NodeDescription, type NodeProfile } from "./description.ts";
import { hireLanes, type LaneCrew, type LanesWish } from "./lane-crew.ts";
import { defaultLimits, type NodeLimits } from "./limits.ts";
import type { TokenRecord } from "./ports/access-records.ts";
import type { Store } from "./ports/store.ts";
import type { HttpHandler, Transport } from "./ports/transport.ts";
import { rehearse } from "./rehearsal.ts";
import {
  defaultSessionSettings,
  type NodeIdentity,
  type SessionSettings,
} from "./session/index.ts";
import { nodeVersion } from "./version.ts";

/** How a node within a program is started. Everything has a default. */
export interface EmbedOptions extends NodeProfile {
  /** Path of a Unix socket (`@name` for the abstract namespace) to listen on; none unless given. */
  readonly unixPath?: string;
  /** Where state, rules and the ledger are kept; `~/.myelin` unless given. */
  readonly dataDirectory?: string;
  /** `disk` unless given; `memory` keeps nothing beyond the node's life. */
  readonly storage?: "disk" | "memory";
  /** Whether what rules are told is recorded in the data directory; false unless given. */
  readonly isRecorded?: boolean;
  /** Secret that admits its bearer as an operator, besides the tokens that the node keeps. */
  readonly token?: string;
  /** Id of the node; the host's name unless given. */
  readonly id?: string;
  /** Where the node stands in the fleet; `edge` unless given. */
  readonly tier?: "device" | "edge" | "cloud";
  /** Where the node logs; standard error as JSON lines unless given. */
  readonly log?: Logger;
  /** Bounds of sessions; `defaultSessionSettings` where not given. */
  readonly session?: Partial<SessionSettings>;
  /** Bounds of the node; `defaultLimits` where not given. */
  readonly limits?: Partial<NodeLimits>;
  /** What it was told and by what, for those who look for a fault; these options unless given. */
  readonly configuration?: unknown;
  /** Where traces of instructions go, by OTLP over HTTP; nowhere unless given. */
  readonly traces?: TraceOptions;
  /** Told when the node cannot go on, after it wrote why: its process should end. */
  readonly onFatal?: (error: MyelinError) => void;
}

/** How a node that listens on TCP is started. Everything has a default. */
export interface NodeOptions extends EmbedOptions {
  /** Address to listen on; `127.0.0.1` unless given. Beyond loopback a token is required. */
  readonly host?: string;
  /** Port to listen on; 7400 unless given, 0 for a free one. */
  readonly port?: number;
  /** A listener of its own for the API and the metrics; then the other one has agents and health only. */
  readonly adminListen?: { readonly host: string; readonly port: number };
  /** Certificate and key, for TLS on every TCP listener. */
  readonly tls?: TlsPaths;
  /** Origins of browser pages that may call, besides the node's own. */
  readonly allowedOrigins?: readonly string[];
  /** Names under which the node may be called, besides its address. */
  readonly allowedHosts?: readonly string[];
  /** Lanes, where there shall be more than one. */
  readonly lanes?: LanesWish;
}

/** A node that runs in this process. */
export interface EmbeddedNode {
  /**
   * The way in for agents of this process, over no socket: `connect({ ...node.memory, id: "w1" })` of the SDK.
   * A node that asks for a token asks them too.
   */
  readonly memory: { readonly url: string; readonly dial: Dial };
  /** Asks the HTTP API without a socket, as `fetch` does; a path such as `/api/v1/rules` is enough. */
  readonly fetch: typeof fetch;
  /** Address of the Unix socket, where one was asked for. */
  readonly unixUrl: string | undefined;
  /** Told of each instruction that ended; returns what ends the telling. */
  onInstructionEnded(listener: (document: InstructionDocument) => void): () => void;
  /** What the node says of itself, as `GET /api/v1/node`. */
  describe(): NodeDescription;
  /**
   * Writes why the process is about to end, into the log and the data directory: for a program whose
   * `uncaughtException` ends it. `kind` says what happened.
   */
  reportCrash(kind: string, thrown: unknown): void;
  /** Drains within `boundMs` (5 s unless given), then lets go of everything. Called again it gives the same promise. */
  close(boundMs?: number): Promise<void>;
}

/** A node that runs, and listens on TCP. */
export interface RunningNode extends EmbeddedNode {
  /** Address that agents dial. */
  readonly url: string;
  /** Address of the HTTP API; that of its own listener where there is one. */
  readonly httpUrl: string;
  /** Reads certificate and key again; what cannot be used is logged, and changes nothing. */
  reloadTls(): Promise<void>;
}

/** How long a stop waits for the collector of traces. */
const tracesWithinMs = 2000;

/**
 * Starts a node in this process that listens on no TCP port: agents of the process reach it by `memory`,
 * others over a Unix socket where one is asked for.
 * @throws MyelinError as `startNode`, but for what concerns TCP
 */
export async function embedNode(options: EmbedOptions = {}): Promise<EmbeddedNode> {
  const ground = await groundOf(options);
  const limits: NodeLimits = { ...defaultLimits, ...options.limits };
  const traces = await tracesOf(options, ground.log);
  const kept = await keep(options, limits, ground);
  const assembly = assemble({ ...options, limits }, { ...ground, ...kept, traces, hosts: [] });
  return await serve(assembly, { transports: [], addresses: () => ({}) });
}

/**
 * Starts a node in this process that listens on TCP.
 * @throws MyelinError AUTHENTICATION_REQUIRED, ADDRESS_IN_USE, DATA_DIRECTORY_LOCKED, STORAGE_UNAVAILABLE,
 * STORAGE_CORRUPT, SCHEMA_TOO_NEW, INVALID_ARGUMENT
 */
export async function startNode(options: NodeOptions = {}): Promise<RunningNode> {
  const { host = "127.0.0.1", port = 7400, adminListen } = options;
  const ground = await groundOf(options);
  const tls = options.tls === undefined ? undefined : await openTls(options.tls, ground);
  const hosts = adminListen === undefined ? [host] : [host, adminListen.host];
  const assembly = await assembleWithLanes(options, { ...ground, hosts }).catch(
    (error: unknown) => {
      tls?.close();
      throw error;
    },
  );
  const { api, onAnswer, refusals, unreadiness, arcOptions } = assembly;
  const listening = {
    clock: ground.clock,
    onAnswer,
    onRefused: (what: string, code: ErrorCode) => refusals.count(what, code),
    ...(tls === undefined ? {} : { tls }),
    ...assembly.limits,
    maxConnections: assembly.limits.maxSockets,
    maxFrameBytes: arcOptions.sessionSettings.maxFrameBytes,
    allowedOrigins: options.allowedOrigins ?? [],
    allowedHosts: options.allowedHosts ?? [],
  };
  const handler = adminListen === undefined ? api : createHealth({ unreadiness });
  const server = createHttpServer({ ...listening, host, port, handler });
  const agentsAt = (): string => (isWildcard(host) ? `port ${server.port}` : server.url);
  const admin =
    adminListen && createHttpServer({ ...listening, ...adminListen, handler: api, agentsAt });
  const node = await serve(assembly, {
    transports: admin === undefined ? [server] : [server, admin],
    addresses: () => ({
      url: server.url,
      ...(admin === undefined ? {} : { admin: admin.httpUrl }),
    }),
    tls,
  });
  return {
    ...node,
    url: server.url,
    httpUrl: (admin ?? server).httpUrl,
    reloadTls: async () =>
      void (await Promise.all([tls?.reload(), assembly.lanes?.all("thread.reloadTls", undefined)])),
  };
}

/** What everything else stands on. */
interface Ground {
  readonly clock: Clock;
  readonly log: Logger;
  readonly startedAtUs: number;
}

/** @throws MyelinError INVALID_ARGUMENT for a token that would guard nothing */
async function groundOf({ token, log }: EmbedOptions): Promise<Ground> {
  Access.assertToken(token);
  const clock = systemClock();
  const startedAtUs = clock.nowUs();
  return {
    clock,
    startedAtUs,
    log: log ?? (await createLog({ level: "info", isReadable: false })),
  };
}

async function openTls(paths: TlsPaths, { clock, log }: Ground): Promise<TlsFiles> {
  const tls = await openTlsFiles(paths, clock);
  tls.listen({
    onChange: () => log.info("the changed certificate is in use for new connections"),
    onUnfit: ({ message }) =>
      log.error({ reason: message }, "the changed certificate cannot be used; the old one stays"),
  });
  return tls;
}

/** Options with every bound given. */
type Limited<Options> = Options & { readonly limits: NodeLimits };

/** A node put together, its doors still closed. */
interface Assembly extends Ground {
  readonly options: EmbedOptions;
  readonly run: Run;
  readonly traces: Traces | undefined;
  readonly limits: NodeLimits;
  readonly arc: Arc;
  readonly arcOptions: ArcOptions;
  readonly api: HttpHandler;
  /** Counts an answer over HTTP by its status. */
  readonly onAnswer: (status: number) => void;
  readonly refusals: Refusals;
  readonly meter: LoadMeter;
  readonly metrics: Metrics;
  readonly describe: () => NodeDescription;
  /** Undefined when the node is ready, else why it is not. */
  readonly unreadiness: () => string | undefined;
  /** Told of each instruction that ended. */
  readonly listeners: Set<(document: InstructionDocument) => void>;
  /** Where there are several. */
  readonly lanes: LaneCrew | undefined;
}

/** What an assembly is made of besides its options. */
interface Material extends Ground {
  readonly hosts: readonly string[];
  readonly store: Store;
  readonly backups: StoreBackups | undefined;
  readonly run: Run;
  readonly traces: Traces | undefined;
  readonly lanes?: LaneCrew;
}

async function assembleWithLanes(
  options: NodeOptions,
  ground: Ground & { readonly hosts: readonly string[] },
): Promise<Assembly> {
  const { lanes } = options;
  const limits: NodeLimits = { ...defaultLimits, ...options.limits };
  const isOneLane = lanes === undefined || lanes.count === 1;
  const traces = isOneLane ? await tracesOf(options, ground.log) : undefined;
  const { store, backups, run } = await keep(options, limits, ground);
  const material = { ...ground, store, backups, run, traces };
  if (isOneLane) return assemble({ ...options, limits }, material);
  if (backups === undefined) {
    throw new MyelinError("INVALID_ARGUMENT", "a node of several lanes keeps its state on disk", {
      hint: "Start it with a data directory, or with one lane.",
    });
  }
  const { host = "127.0.0.1", unixPath, tls, token } = options;
  const shared = {
    ...{ node: identityOf(options), directory: directoryOf(options) },
    ...{ host, hosts: ground.hosts, unixPath, tls, token, limits },
    allowedOrigins: options.allowedOrigins ?? [],
    allowedHosts: options.allowedHosts ?? [],
    session: { ...defaultSessionSettings, ...options.session },
    log: lanes.log ?? { level: ground.log.level, isReadable: false },
    traces: options.traces,
    ...{ isRecorded: options.isRecorded === true, run: ground.startedAtUs },
  };
  const crew = hireLanes(lanes, shared, store);
  return assemble({ ...options, limits }, { ...material, lanes: crew });
}

function assemble(options: Limited<EmbedOptions>, material: Material): Assembly {
  const { clock, log, startedAtUs, store, backups, run, traces, lanes } = material;
  const { limits } = options;
  const listeners: Assembly["listeners"] = new Set();
  const arcOptions: ArcOptions = {
    ...arcOptionsOf(options, material, (notice) => {
      logNotice(log, notice);
      if (notice.kind === "instruction-ended")
        for (const listener of listeners) listener(notice.document);
    }),
    onInstructionOver:
      traces && ((instruction, isKept) => traces.settled(instruction, isKept, clock.nowUs())),
  };
  const arc = new Arc(arcOptions);
  const { node: identity, access } = arcOptions;
  if (access.tokens !== undefined) lanes?.front.attach(arc, access.tokens);
  const describe = describer({ arc, store, clock, startedAtUs, identity, profile: options });
  const meter = createLoadMeter(clock, () => ({
    samples: arc.engine.counters.samples,
    frames: arc.sessions.counters.frames,
    bytes: arc.sessions.counters.bytes,
    instructions: arc.watch.latestEnded.count,
  }));
  const answers = new Map<number, number>();
  const refusals = new Refusals();
  const metrics = createMetrics({
    ...arcOptions,
    arc,
    storage: storageOf(options, store),
    traces,
    answers,
    refusals,
  });
  const unreadiness = (): string | undefined =>
    arc.isDraining ? "the node is shutting down" : undefined;
  const api = createArcApi(arc, {
    clock,
    store,
    access,
    ...(lanes === undefined ? {} : { lanes: lanes.front }),
    describeNode: describe,
    metrics: () => metrics.read(),
    debug: createDebug({
      log,
      run,
      redactor: redactorOf(options),
      configuration: configurationOf(options),
    }),
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
  const onAnswer = (status: number): void =>
    void answers.set(status, (answers.get(status) ?? 0) + 1);
  const parts = { run, traces, arc, arcOptions, api, onAnswer, refusals, meter, metrics, describe };
  return { clock, log, startedAtUs, options, limits, ...parts, unreadiness, listeners, lanes };
}

/** Opens the store, and begins the run on it. */
async function keep(
  options: Pick<NodeOptions, "lanes"> & EmbedOptions,
  limits: NodeLimits,
  ground: Ground,
): Promise<OpenStore & { readonly run: Run }> {
  const lost = Promise.withResolvers<MyelinError>();
  const opened = await openStore(options, limits, lost.resolve, options.lanes?.count ?? 1);
  const run = runOf(options, ground);
  void lost.promise.then((error) => {
    run.crashed("store", error);
    options.onFatal?.(error);
  });
  return { ...opened, run };
}

function runOf(options: EmbedOptions, { log, startedAtUs }: Ground): Run {
  const { id, version } = identityOf(options);
  const about = { node: id, version, startedAtUs, log, redactor: redactorOf(options) };
  return openRun({ directory: diskOf(options), ...about });
}

/** @throws MyelinError INVALID_ARGUMENT */
async function tracesOf(options: EmbedOptions, log: Logger): Promise<Traces | undefined> {
  const { traces } = options;
  if (traces === undefined) return undefined;
  return await openTraces(traces, identityOf(options), traceLog(log, redactorOf(options)));
}

function arcOptionsOf(
  options: Limited<EmbedOptions>,
  { clock, log, startedAtUs, hosts, store, lanes }: Material,
  onNotice: ArcOptions["onNotice"],
): ArcOptions {
  const { token, session, limits } = options;
  const random = cryptoRandom();
  const onChange = (record: TokenRecord): void => lanes?.front.token(record);
  const onStoreError = (error: MyelinError): void => logNotice(log, { kind: "store-error", error });
  return {
    clock,
    random,
    store,
    access: new Access({
      ...(token === undefined ? {} : { token }),
      tokens: new TokenBook({
        clock,
        random,
        store,
        onStoreError,
        onChange,
        maxTokens: limits.maxTokens,
      }),
      hosts,
    }),
    node: identityOf(options),
    sessionSettings: { ...defaultSessionSettings, ...session },
    settings: limits,
    resources: systemResources(),
    onNotice,
    ...(lanes === undefined
      ? laneLogs({ ...options, directory: diskOf(options), lane: 0, lanes: 1, run: startedAtUs })
      : { ties: lanes.front.ties }),
  };
}

function identityOf({ id = hostname(), tier = "edge" }: EmbedOptions): NodeIdentity {
  return { id, tier, version: nodeVersion };
}

/** What a node listens on besides memory and its Unix socket. */
interface Doors {
  readonly transports: readonly Transport[];
  /** Their addresses by what they are, for the log. */
  readonly addresses: () => Readonly<Record<string, string>>;
  readonly tls?: TlsFiles | undefined;
}

/** Opens the doors, and lets go of everything when that fails. */
async function serve(assembly: Assembly, doors: Doors): Promise<EmbeddedNode> {
  const { clock, log, arc, arcOptions, api, onAnswer, refusals, describe, listeners, limits } =
    assembly;
  const { maxFrameBytes } = arcOptions.sessionSettings;
  const memory = createMemoryTransport({ clock, maxFrameBytes });
  const path = assembly.options.unixPath;
  const unix =
    path === undefined
      ? undefined
      : createUnixTransport({
          path,
          clock,
          maxConnections: limits.maxSockets,
          maxFrameBytes,
          onRefused: (code) => refusals.count("unix", code),
        });
  const transports: Transport[] = [
    ...doors.transports,
    ...(unix === undefined ? [] : [unix]),
    memory,
  ];
  const opened: Transport[] = [];
  try {
    await arc.start();
    arcOptions.access.assertGuarded();
    await assembly.lanes?.open();
    for (const transport of transports) {
      await transport.listen((channel, peer) => arc.accept(channel, peer));
      opened.push(transport);
    }
    const addresses = { ...doors.addresses(), ...(unix === undefined ? {} : { unix: unix.url }) };
    log.info({ ...addresses, node: arcOptions.node.id }, "the node serves");
  } catch (error) {
    await letGo(assembly, doors, opened);
    throw error;
  }
  const warmedUp = rehearse(arcOptions);
  let closing: Promise<void> | undefined;
  return {
    memory: { url: memory.url, dial: memory.dial },
    fetch: createMemoryFetch({ handler: api, maxBodyBytes: limits.maxBodyBytes, onAnswer }),
    unixUrl: unix?.url,
    describe,
    reportCrash: (kind, thrown) => void assembly.run.crashed(kind, thrown),
    onInstructionEnded: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: (boundMs = 5000) => (closing ??= stop(assembly, doors, transports, warmedUp, boundMs)),
  };
}

async function stop(
  assembly: Assembly,
  { tls }: Doors,
  transports: readonly Transport[],
  warmedUp: Promise<void>,
  boundMs: number,
): Promise<void> {
  const { log, run, traces, arc, arcOptions, meter, metrics, lanes } = assembly;
  log.info("the node drains");
  await arc.drain(boundMs * 1000);
  await lanes?.all("thread.close", undefined);
  await lanes?.threads.end();
  meter.stop();
  metrics.stop();
  await warmedUp;
  await Promise.allSettled(transports.map((transport) => transport.close()));
  tls?.close();
  run.end();
  await arcOptions.store.close();
  await traces?.close(tracesWithinMs);
  log.info("the node has stopped");
}

/** Undoes a start that failed. */
async function letGo(
  { run, traces, arc, arcOptions, meter, lanes }: Assembly,
  { tls }: Doors,
  opened: readonly Transport[],
): Promise<void> {
  run.end();
  await Promise.allSettled(opened.map((transport) => transport.close()));
  meter.stop();
  tls?.close();
  await Promise.allSettled([arc.drain(0)]);
  await lanes?.threads.end();
  await Promise.allSettled([arcOptions.store.close(), traces?.close(0)]);
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

/** The data directory; undefined where all is kept in memory. */
const diskOf = (options: EmbedOptions): string | undefined =>
  options.storage === "memory" ? undefined : directoryOf(options);

function directoryOf({ dataDirectory }: NodeOptions): string {
  return dataDirectory ?? join(homedir(), ".myelin");
}

/** A store, and what makes its backups where it is on disk. */
type OpenStore =
  | { readonly store: Store; readonly backups: undefined }
  | { readonly store: SqliteStore; readonly backups: StoreBackups };

async function openStore(
  options: EmbedOptions,
  limits: NodeLimits,
  onLost: (error: MyelinError) => void,
  lanes: number,
): Promise<OpenStore> {
  if (options.storage === "memory") return { store: createMemoryStore(), backups: undefined };
  const directory = directoryOf(options);
  const store = await openSqliteStore({ ...limits, directory, onLost });
  await dropOtherLogs(directory, lanes, options.isRecorded === true);
  return { store, backups: new StoreBackups(store, directory) };
}

/** What a store on disk tells of its work; undefined for one in memory. */
function storageOf(options: EmbedOptions, store: Store): StorageFigures | undefined {
  return store instanceof SqliteStore ? storageFigures(store, directoryOf(options)) : undefined;
}
