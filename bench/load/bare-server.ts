/**
 * What a load costs without a node: a `ws` server that decodes the same frames, keeps the latest values in an
 * array, compares them with one number, and answers those above it with an instruction that it then forgets.
 * No session, no clock, no rule's state, no ledger: the floor of `ingest` and `fleet`.
 *
 *     node bench/load/bare-server.ts
 *
 * Prints `{"url": "ws://127.0.0.1:…"}` as one line once it listens.
 */
import type { AddressInfo } from "node:net";
import process from "node:process";
import {
  type FrameVisitor,
  FrameWriter,
  readFrame,
  type SampleColumns,
  type Welcome,
} from "@myelin/core/wire";
import { type WebSocket, WebSocketServer } from "ws";
import { epochUs } from "./raw-agent.ts";

const threshold = 0.9;
const mostMetrics = 1024;

function serve(webSocket: WebSocket): void {
  const writer = new FrameWriter();
  const latest = new Float64Array(mostMetrics);
  const latestUs = new Float64Array(mostMetrics);
  let fired = 0;
  const onSamples = ({ count, metrics, values, timesUs }: SampleColumns): void => {
    for (let at = 0; at < count; at++) {
      const metric = metrics[at] as number;
      const value = values[at] as number;
      latest[metric] = value;
      latestUs[metric] = timesUs[at] as number;
      if (value > threshold) instruct(`${metric}-${fired++}`);
    }
  };
  const instruct = (id: string): void => {
    const createdAtUs = epochUs();
    const common = { action: "measure", args: {}, priority: 5, timeoutUs: 1e6 };
    writer.instruction({ ...common, id, deadlineUs: createdAtUs + 1e6, createdAtUs });
    webSocket.send(writer.take());
  };
  const visitor: FrameVisitor = {
    onHello: () => {
      writer.welcome(welcome());
      webSocket.send(writer.take());
    },
    onPing: ({ sentAtUs }) => {
      const nowUs = epochUs();
      const received = { telemetrySequence: 0, receivedAtUs: nowUs };
      writer.pong({ pingSentAtUs: sentAtUs, ...received, sentAtUs: nowUs });
      webSocket.send(writer.take());
    },
    onSamples,
  };
  // One Buffer: the binary type is left at "nodebuffer".
  webSocket.on("message", (message) => readFrame(message as Buffer, visitor));
  webSocket.on("error", () => webSocket.terminate());
}

function welcome(): Welcome {
  const nowUs = epochUs();
  return {
    sessionId: "bare",
    resumeToken: "",
    isResumed: false,
    heartbeatIntervalMs: 10_000,
    resumeWindowMs: 0,
    nodeId: "bare",
    nodeTier: "cloud",
    nodeVersion: "0.0.0",
    telemetrySequence: 0,
    metricNamesKnown: 0,
    helloSentAtUs: nowUs,
    helloReceivedAtUs: nowUs,
    sentAtUs: nowUs,
    redirectUrl: "",
    columnForms: [],
  };
}

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: 0,
  perMessageDeflate: false,
  handleProtocols: (offered) => offered.values().next().value ?? false,
});
server.on("connection", serve);
server.on("listening", () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ url: `ws://127.0.0.1:${port}` })}\n`);
});
// The one who started it closes its stdin by ending, however it ends.
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
