import { connect } from "node:net";
import { Histogram } from "@myelin/core/statistics";
import { WebSocket } from "ws";
import { cutMessages, intendedUsOf, leastMessageBytes, writeMessage } from "./message.ts";
import { nowUs, openLoop } from "./pacer.ts";

/** How long the last replies of a slice may take. */
const lastRepliesWithinMs = 1000;

/** One stretch of the measurement. */
export interface Slice {
  readonly ratePerSecond: number;
  readonly durationUs: number;
  /** Size of each message, at least 16. */
  readonly requestBytes: number;
  /** Size of each reply, at least 16. */
  readonly replyBytes: number;
}

/** What a slice has shown. */
export interface SliceResult {
  /** Microseconds from the moment a message was meant to leave until its reply was there. */
  readonly roundTripsUs: Histogram;
  readonly sent: number;
  readonly received: number;
}

/** A connection to an echo server. */
export interface EchoClient {
  /** Sends at a steady rate and measures; one slice at a time. */
  measure(slice: Slice): Promise<SliceResult>;
  close(): void;
}

interface RawConnection {
  send(message: Buffer): void;
  close(): void;
}

/** Connects to what an echo server announced: `ws://…` or `unix:PATH`. */
export async function connectEcho(url: string): Promise<EchoClient> {
  let onReply: (reply: Buffer) => void = () => {};
  const open = url.startsWith("unix:") ? openUnix : openWebSocket;
  const connection = await open(url, (reply) => onReply(reply));

  async function measure(slice: Slice): Promise<SliceResult> {
    const { requestBytes, replyBytes, ratePerSecond, durationUs } = slice;
    if (requestBytes < leastMessageBytes || replyBytes < leastMessageBytes) {
      throw new RangeError(`messages are at least ${leastMessageBytes} bytes long`);
    }
    const roundTripsUs = new Histogram();
    const all = Promise.withResolvers<void>();
    let sent = 0;
    let received = 0;
    let isSent = false;
    onReply = (reply) => {
      roundTripsUs.record(nowUs() - intendedUsOf(reply));
      received++;
      if (isSent && received === sent) all.resolve();
    };
    const send = (intendedUs: number): void => {
      sent++;
      connection.send(writeMessage(requestBytes, replyBytes, intendedUs));
    };
    await openLoop({ ratePerSecond, durationUs, send });
    isSent = true;
    if (received === sent) all.resolve();
    const timer = setTimeout(all.resolve, lastRepliesWithinMs);
    await all.promise;
    clearTimeout(timer);
    onReply = () => {};
    return { roundTripsUs, sent, received };
  }

  return { measure, close: () => connection.close() };
}

function openWebSocket(url: string, onReply: (reply: Buffer) => void): Promise<RawConnection> {
  const { promise, resolve, reject } = Promise.withResolvers<RawConnection>();
  const webSocket = new WebSocket(url, { perMessageDeflate: false });
  webSocket.on("message", (reply) => onReply(reply as Buffer));
  webSocket.on("error", reject);
  webSocket.on("open", () => {
    resolve({ send: (message) => webSocket.send(message), close: () => webSocket.terminate() });
  });
  return promise;
}

function openUnix(url: string, onReply: (reply: Buffer) => void): Promise<RawConnection> {
  const { promise, resolve, reject } = Promise.withResolvers<RawConnection>();
  const socket = connect(url.slice("unix:".length));
  socket.on("data", cutMessages(onReply));
  socket.on("error", reject);
  socket.on("connect", () => {
    resolve({ send: (message) => void socket.write(message), close: () => socket.destroy() });
  });
  return promise;
}
