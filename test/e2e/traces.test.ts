// Traces of instructions, as a collector receives them over OTLP.
import assert from "node:assert/strict";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
} from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { test } from "node:test";
import { AgentProcess, eventually, NodeProcess, temporaryDirectory } from "./support/index.ts";

interface Value {
  readonly stringValue?: string;
  readonly intValue?: number;
  readonly boolValue?: boolean;
}

interface Attribute {
  readonly key: string;
  readonly value: Value;
}

/** A span as OTLP has it in JSON. */
interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly events: readonly { readonly name: string; readonly timeUnixNano: string }[];
  readonly status: { readonly code: number; readonly message?: string };
}

interface Request {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
  }[];
}

/** A collector of traces. */
class Collector implements AsyncDisposable {
  readonly spans: Span[] = [];
  readonly headers: IncomingHttpHeaders[] = [];
  readonly paths: (string | undefined)[] = [];
  readonly services: (Value | undefined)[] = [];
  /** Answered instead of 200. */
  status = 200;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      void this.#take(request).then(() =>
        response.writeHead(this.status, { "content-type": "application/json" }).end("{}"),
      );
    });
  }

  static async start(): Promise<Collector> {
    const collector = new Collector();
    await new Promise<void>((resolve) => collector.#server.listen(0, "127.0.0.1", resolve));
    return collector;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The spans over whole instructions. */
  get roots(): Span[] {
    return this.spans.filter(({ name }) => name.startsWith("instruction "));
  }

  async #take(request: IncomingMessage): Promise<void> {
    const { resourceSpans } = (await json(request)) as Request;
    this.headers.push(request.headers);
    this.paths.push(request.url);
    if (this.status !== 200) return;
    for (const { resource, scopeSpans } of resourceSpans) {
      this.services.push(valueOf(resource.attributes, "service.name"));
      for (const { spans } of scopeSpans) this.spans.push(...spans);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function valueOf(attributes: readonly Attribute[], key: string): Value | undefined {
  return attributes.find((attribute) => attribute.key === key)?.value;
}

/** Attributes of a span as plain values, by their names without the prefix. */
function attributesOf({ attributes }: Span): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key.replace(/^myelin\./, ""),
      value.stringValue ?? value.boolValue ?? Number(value.intValue),
    ]),
  );
}

async function metric(node: NodeProcess, form: RegExp): Promise<number> {
  const text = await (await fetch(new URL("/metrics", node.http))).text();
  return Number(form.exec(text)?.[1]);
}

test("each instruction is a trace, with its stages, what it was and what became of it", async () => {
  await using directory = await temporaryDirectory();
  await using collector = await Collector.start();
  const url = `http://127.0.0.1:${collector.port}`;
  await using node = await NodeProcess.start(directory.path, ["--otlp", url, "--id", "n1"]);
  await using agent = await AgentProcess.start(node.url, "a1");
  await node.applyRules([{ name: "hot", expr: "cpu_usage > 0.9", action: "work" }]);
  agent.report({ cpu_usage: 0.95 });
  await eventually("the rule's instruction is traced", () => collector.roots.length === 1);
  await node.send({ to: "a1", action: "fly" });
  await eventually("the one by hand too", () => collector.roots.length === 2);

  const [executed, rejected] = collector.roots;
  assert.ok(executed !== undefined && rejected !== undefined);
  assert.equal(executed.name, "instruction work");
  const { "instruction.id": id, ...told } = attributesOf(executed);
  assert.match(String(id), /\S{10,}/);
  assert.deepEqual(told, {
    agent: "a1",
    part: "app",
    action: "work",
    priority: 5,
    actor: "rule:hot",
    status: "executed",
    settled: true,
    rule: "hot",
    "rule.version": 1,
    attempt: 1,
  });
  assert.equal(executed.status.code, 1);
  assert.deepEqual(
    executed.events.map(({ name }) => name),
    ["decided", "sent", "received", "executed", "settled"],
  );
  const children = collector.spans.filter((span) => span.parentSpanId === executed.spanId);
  assert.deepEqual(children.map(({ name }) => name).toSorted(), [
    "collect",
    "compute",
    "dispatch",
    "execute",
    "ingest",
    "rule",
    "settle",
  ]);
  for (const child of children) {
    assert.equal(child.traceId, executed.traceId);
    assert.ok(BigInt(child.startTimeUnixNano) >= BigInt(executed.startTimeUnixNano), child.name);
    assert.ok(BigInt(child.endTimeUnixNano) <= BigInt(executed.endTimeUnixNano), child.name);
  }
  const other = attributesOf(rejected);
  assert.deepEqual([other["status"], other["code"]], ["rejected", "NO_HANDLER"]);
  assert.equal(rejected.status.code, 2);
  assert.notEqual(rejected.traceId, executed.traceId);
  assert.deepEqual(collector.services[0], { stringValue: "myelin" });
  assert.equal(collector.paths[0], "/v1/traces");
  const exported = await eventually("they are counted", async () => {
    const count = await metric(node, /^myelin_traces_exported_total (\d+)$/m);
    return count === 2 && count;
  });
  assert.equal(exported, 2);
});

test("a caller's traceparent is the parent, whatever share is traced; a malformed one is passed over", async () => {
  await using directory = await temporaryDirectory();
  await using collector = await Collector.start();
  await using node = await NodeProcess.start(
    directory.path,
    ["--otlp", `http://user:pass%20word@127.0.0.1:${collector.port}/otlp`, "--otlp-sample", "0"],
    { env: { OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=blue" } },
  );
  await using _agent = await AgentProcess.start(node.url, "a1");
  const send = async (traceparent: string): Promise<void> => {
    const response = await fetch(new URL("/api/v1/instructions", node.http), {
      method: "POST",
      headers: { traceparent },
      body: JSON.stringify({ to: "a1", action: "work" }),
    });
    assert.equal(response.status, 200);
  };
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  await send("00-nonsense");
  await send(`00-${traceId}-b7ad6b7169203331-00`);
  await send(`00-${traceId}-b7ad6b7169203332-01`);
  assert.equal(await node.end("SIGTERM"), 0, "a stop sends what waits");
  assert.equal(collector.roots.length, 1);
  const [root] = collector.roots;
  assert.deepEqual([root?.traceId, root?.parentSpanId], [traceId, "b7ad6b7169203332"]);
  const [headers] = collector.headers;
  const expected = `Basic ${Buffer.from("user:pass word").toString("base64")}`;
  assert.deepEqual([headers?.authorization, headers?.["x-tenant"]], [expected, "blue"]);
  assert.deepEqual(collector.paths, ["/otlp"]);
});

test("a collector that takes nothing costs its traces only: told once, and counted", async () => {
  await using directory = await temporaryDirectory();
  await using collector = await Collector.start();
  collector.status = 400;
  const url = `http://user:hush-hush@127.0.0.1:${collector.port}`;
  await using node = await NodeProcess.start(directory.path, ["--otlp", url], { stderr: "pipe" });
  const lines: string[] = [];
  node.child.stderr?.setEncoding("utf8").on("data", (text: string) => lines.push(text));
  await using _agent = await AgentProcess.start(node.url, "a1");
  for (const sent of [1, 2, 3]) {
    const { status } = await node.send({ to: "a1", action: "work" });
    assert.equal(status, 200);
    await eventually("the trace is dropped and counted", async () => {
      const form = /^myelin_traces_dropped_total\{reason="export"\} (\d+)$/m;
      return (await metric(node, form)) === sent;
    });
  }
  assert.equal(await node.end("SIGTERM"), 0);
  const log = lines.join("");
  assert.equal(log.match(/the collector does not take traces/g)?.length, 1, log);
  assert.ok(!log.includes("hush-hush"));
});

test("an address for traces that is none keeps the node from starting", async () => {
  await using directory = await temporaryDirectory();
  await assert.rejects(NodeProcess.start(directory.path, ["--otlp", "collector:4318"]), /with 2/);
});
