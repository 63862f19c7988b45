// The thread of one lane: adapters plugged into its arc, when the front asks for it.
import type { MyelinError } from "@myelin/core/errors";
import { Access, TokenBook } from "./access/index.ts";
import { cryptoRandom } from "./adapters/crypto-random/index.ts";
import { createLaneDebug, redactorOf } from "./adapters/debug/index.ts";
import { createHttpServer, openTlsFiles, type TlsFiles } from "./adapters/http-server/index.ts";
import { type LaneSeed, readSeed } from "./adapters/lane-threads/index.ts";
import { createLoadMeter } from "./adapters/load/index.ts";
import { createLog, logNotice } from "./adapters/log/index.ts";
import { createMetrics, Refusals } from "./adapters/metrics/index.ts";
import { createPortBus } from "./adapters/port-bus/index.ts";
import { laneLogs } from "./adapters/recordings/index.ts";
import { joinSqliteStore, storageFigures } from "./adapters/sqlite-store/index.ts";
import { systemClock } from "./adapters/system-clock/index.ts";
import { systemResources } from "./adapters/system-resources/index.ts";
import { openTraces, traceLog, type Traces } from "./adapters/traces/index.ts";
import { createUnixTransport } from "./adapters/unix-transport/index.ts";
import { createHealth, createLaneApi } from "./api/index.ts";
import { Arc, type ArcOptions } from "./arc.ts";
import { apiOptionsOf } from "./arc-api.ts";
import { describer } from "./description.ts";
import { frontName, LaneAddresses, LaneService, laneTies } from "./lanes/index.ts";
import type { Bus } from "./ports/bus.ts";
import type { Clock } from "./ports/clock.ts";
import type { Notice } from "./notice.ts";
import type { Transport } from "./ports/transport.ts";
import { rehearse } from "./rehearsal.ts";

/** What the front tells by itself. */
const ofTheFront: ReadonlySet<Notice["kind"]> = new Set(["enforcement", "rule-unreadable"]);

/** How long a stop waits for the collector of traces. */
const tracesWithinMs = 2000;

/** A lane put together, its doors still closed. */
interface Lane {
  readonly service: LaneService;
  readonly seed: LaneSeed;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly arc: Arc;
  readonly options: ArcOptions;
  readonly answers: Map<number, number>;
  readonly refusals: Refusals;
  readonly traces: Traces | undefined;
}

async function assemble(seed: LaneSeed, bus: Bus): Promise<Lane> {
  const { lane, count, node, token, hosts } = seed;
  const clock = systemClock();
  const random = cryptoRandom();
  const store = joinSqliteStore(seed.store, seed.limits);
  const log = (await createLog(seed.log)).child({ lane });
  const startedAtUs = clock.nowUs();
  const redactor = redactorOf({
    ...(token === undefined ? {} : { token }),
    ...(seed.traces === undefined ? {} : { traces: seed.traces }),
  });
  const traces = seed.traces && (await openTraces(seed.traces, node, traceLog(log, redactor)));
  const onNotice = (notice: Notice): void => {
    if (!ofTheFront.has(notice.kind)) logNotice(log, notice);
  };
  const onStoreError = (error: MyelinError): void => onNotice({ kind: "store-error", error });
  const onUse = (id: string, atUs: number): void =>
    void bus.publish(frontName, "used", { id, atUs });
  const tokens = new TokenBook({
    clock,
    random,
    store,
    onStoreError,
    onUse,
    maxTokens: seed.limits.maxTokens,
  });
  const access = new Access({ ...(token === undefined ? {} : { token }), tokens, hosts });
  const addresses = new LaneAddresses();
  const options: ArcOptions = {
    clock,
    random,
    store,
    ...laneLogs({ ...seed, lanes: count }),
    access,
    node,
    sessionSettings: seed.session,
    settings: seed.limits,
    resources: systemResources(),
    onNotice,
    ties: laneTies({ lane, count, bus, clock, addresses }),
    onInstructionOver:
      traces && ((instruction, isKept) => traces.settled(instruction, isKept, clock.nowUs())),
  };
  const arc = new Arc(options);
  const answers = new Map<number, number>();
  const describeNode = describer({ arc, store, clock, startedAtUs, identity: node, profile: {} });
  const refusals = new Refusals();
  const storage = storageFigures(store);
  const metrics = createMetrics({ ...options, arc, storage, traces, answers, refusals });
  const meter = createLoadMeter(clock, () => ({
    samples: arc.engine.counters.samples,
    frames: arc.sessions.counters.frames,
    bytes: arc.sessions.counters.bytes,
    instructions: arc.watch.latestEnded.count,
  }));
  const unreadiness = (): string | undefined => undefined;
  const api = createLaneApi(
    apiOptionsOf(arc, {
      clock,
      store,
      access,
      describeNode,
      metrics: () => metrics.read(),
      debug: createLaneDebug({ log, redactor }),
      load: () => meter.read(),
      unreadiness,
    }),
    async () => {
      arc.ledger.flush();
      await Promise.all([arc.episodes.flush(), arc.registry.flush(), store.ledgerById("")]);
    },
  );
  const service = new LaneService({ lane, count, bus, clock, arc, tokens, addresses, api });
  return { service, seed, bus, clock, arc, options, answers, refusals, traces };
}

/** Opens the lane's doors; gives its TCP port. @throws MyelinError as a node's start does */
async function open(assembly: Lane): Promise<number> {
  const { service, seed, clock, arc, options, answers, refusals, traces, bus } = assembly;
  const { lane, host, firstPort, unixPath, allowedOrigins, allowedHosts, limits } = seed;
  const { maxFrameBytes } = seed.session;
  await arc.start();
  service.started();
  const tls = seed.tls === undefined ? undefined : await openTlsFiles(seed.tls, clock);
  const server = createHttpServer({
    clock,
    host,
    port: firstPort === 0 ? 0 : firstPort + lane,
    allowedOrigins,
    allowedHosts,
    ...(tls === undefined ? {} : { tls }),
    ...limits,
    maxConnections: limits.maxSockets,
    maxFrameBytes,
    handler: createHealth({
      unreadiness: () => (arc.isDraining ? "the node is shutting down" : undefined),
      hint: "This is the address of one lane, which is for agents: call the node's.",
    }),
    onRefused: (what, code) => refusals.count(what, code),
    onAnswer: (status) => void answers.set(status, (answers.get(status) ?? 0) + 1),
  });
  const transports: Transport[] = [server];
  if (unixPath !== undefined) {
    const path = LaneAddresses.unixPath(unixPath, lane);
    transports.push(
      createUnixTransport({
        path,
        clock,
        maxConnections: limits.maxSockets,
        maxFrameBytes,
        onRefused: (code) => refusals.count("unix", code),
      }),
    );
  }
  for (const transport of transports)
    await transport.listen((channel, peer) => arc.accept(channel, peer));
  bus.serve("thread.reloadTls", () => tls?.reload());
  bus.serve("thread.close", () => close(options, transports, tls, traces));
  void rehearse(options);
  return server.port;
}

async function close(
  { store }: ArcOptions,
  transports: readonly Transport[],
  tls: TlsFiles | undefined,
  traces: Traces | undefined,
): Promise<void> {
  await Promise.allSettled(transports.map((transport) => transport.close()));
  tls?.close();
  await store.close();
  await traces?.close(tracesWithinMs);
}

const seed = readSeed();
const bus = createPortBus(seed.busName, seed.bus);
const assembled = assemble(seed, bus);
bus.serve("thread.open", async () => await open(await assembled));
