import { createConnection } from "node:net";
import type { Channel, ChannelEnd, ChannelHandler, DialOptions } from "@myelin/core/channel";
import { MyelinError } from "@myelin/core/errors";
import { FrameSplitter, prefixed } from "./length-prefix.ts";

const closeWithinMs = 1_000;

/** Opens a Unix socket that carries frames with their length before them. */
export function dialUnix(path: string, handler: ChannelHandler, options: DialOptions): Channel {
  const socket = createConnection({ path });
  let failure: ChannelEnd | undefined;
  let timer: NodeJS.Timeout | undefined;
  /** Once this side ends it, what still arrives is dropped. */
  let isEnding = false;
  const splitter = new FrameSplitter(options.maxFrameBytes, (frame) => {
    if (!isEnding) handler.onFrame(frame);
  });
  socket.on("connect", () => handler.onOpen?.());
  socket.on("data", (chunk) => {
    try {
      // No encoding is set, so chunks are bytes.
      splitter.push(chunk as Buffer);
    } catch (thrown) {
      const { code, message } = MyelinError.from(thrown);
      failure ??= { code, reason: message };
      socket.destroy();
    }
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
