import { connect } from "node:net";
import type { Channel, ChannelEnd, ChannelHandler, Dial } from "@myelin/core/channel";
import { WebSocket } from "ws";
import { systemClock } from "../../packages/node/src/adapters/system-clock/index.ts";
import { UnixChannel } from "../../packages/node/src/adapters/unix-transport/unix-channel.ts";

export const dialUnix: Dial = (url, handler, options) => {
  const path = url.slice("unix:".length);
  const socket = connect(path.startsWith("@") ? `\0${path.slice(1)}` : path);
  const channel = new UnixChannel(socket, systemClock(), options.maxFrameBytes);
  socket.on("connect", () => handler.onOpen?.());
  channel.attach(handler);
  return channel;
};

export const dialWebSocket: Dial = (url, handler, options) => {
  const settings = {
    perMessageDeflate: false,
    maxPayload: options.maxFrameBytes,
    closeTimeout: 1000,
  };
  const webSocket = new WebSocket(url, "myelin.v1.proto", settings);
  return new ClientChannel(webSocket, handler);
};

class ClientChannel implements Channel {
  readonly #webSocket: WebSocket;
  #isOver = false;
  #wasHigh = false;
  constructor(webSocket: WebSocket, handler: ChannelHandler) {
    this.#webSocket = webSocket;
    let end: ChannelEnd | undefined;
    webSocket.on("open", () => !this.#isOver && handler.onOpen?.());
    webSocket.on("message", (data) => !this.#isOver && handler.onFrame(data as Buffer));
    webSocket.on("error", (error: Error & { code?: string }) => {
      const large = error.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";
      end ??= { code: large ? "PAYLOAD_TOO_LARGE" : "UNAVAILABLE", reason: error.message };
    });
    webSocket.on("close", (code) =>
      handler.onEnd(
        end ??
          (code === 1009
            ? { code: "PAYLOAD_TOO_LARGE", reason: "" }
            : { reason: `closed ${code}` }),
      ),
    );
    this.handler = handler;
  }
  readonly handler: ChannelHandler;
  get bufferedBytes(): number {
    return this.#webSocket.bufferedAmount;
  }
  send(frame: Uint8Array): void {
    if (this.#webSocket.readyState !== 1) return;
    this.#webSocket.send(frame, () => {
      if (this.#wasHigh && this.#webSocket.bufferedAmount === 0) {
        this.#wasHigh = false;
        if (!this.#isOver) this.handler.onDrain?.();
      }
    });
    if (this.#webSocket.bufferedAmount > 65536) this.#wasHigh = true;
  }
  pause(): void {
    this.#webSocket.pause();
  }
  resume(): void {
    this.#webSocket.resume();
  }
  close(): void {
    this.#isOver = true;
    this.#webSocket.resume();
    this.#webSocket.close(1000);
  }
  destroy(): void {
    this.#isOver = true;
    this.#webSocket.terminate();
  }
}
