import { createConnection } from "node:net";
import {
  type Channel,
  type ChannelEnd,
  type ChannelHandler,
  type DialOptions,
  FrameParser,
  prefixed,
} from "@myelin/core/channel";

const closeWithinMs = 1_000;

/** Opens a Unix socket that carries frames with their length before them. */
export function dialUnix(path: string, handler: ChannelHandler, options: DialOptions): Channel {
  const socket = createConnection({ path });
  let failure: ChannelEnd | undefined;
  let timer: NodeJS.Timeout | undefined;
  /** Once this side ends it, what still arrives is dropped. */
  let isEnding = false;
  const { maxFrameBytes } = options;
  const parser = new FrameParser(maxFrameBytes, (frame) => {
    if (!isEnding) handler.onFrame(frame);
  });
  socket.on("connect", () => handler.onOpen?.());
  socket.on("data", (chunk) => {
    // No encoding is set, so chunks are bytes.
    const tooLargeBytes = parser.push(chunk as Buffer);
    if (tooLargeBytes === undefined) return;
    const reason = `the node announced a frame of ${tooLargeBytes} bytes; the limit is ${maxFrameBytes}`;
    failure ??= { code: "PAYLOAD_TOO_LARGE", reason };
    socket.destroy();
  });
  socket.on("drain", () => {
    if (!socket.destroyed && socket.writableLength === 0) handler.onDrain?.();
  });
  socket.on("error", (error) => {
    failure ??= { code: "UNAVAILABLE", reason: error.message };
  });
  socket.on("close", () => {
    clearTimeout(timer);
    handler.onEnd(failure ?? { reason: "the connection ended" });
  });
  return {
    encoding: options.encoding ?? "proto",
    get bufferedBytes() {
      return socket.writableLength;
    },
    send: (frame) => {
      if (socket.writable) socket.write(prefixed(frame));
    },
    pause: () => {
      socket.pause();
    },
    resume: () => {
      socket.resume();
    },
    close: () => {
      isEnding = true;
      if (socket.destroyed) return;
      socket.end();
      timer ??= setTimeout(() => socket.destroy(), closeWithinMs);
    },
    destroy: () => {
      isEnding = true;
      socket.destroy();
    },
  };
}
