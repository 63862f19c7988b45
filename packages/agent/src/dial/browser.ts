import type { Channel, ChannelEnd, ChannelHandler, Dial } from "@myelin/core/channel";
import { MyelinError } from "@myelin/core/errors";
import { failedChannel } from "./failed-channel.ts";
import { endpointOf, subprotocol } from "./url.ts";

const highWaterBytes = 65_536;
const drainPollMs = 10;
const closeWithinMs = 1_000;

/** Opens a channel to a node by the platform's own WebSocket. */
export const dial: Dial = (url, handler, options) => {
  try {
    const endpoint = endpointOf(url);
    if (endpoint.kind === "websocket") return open(endpoint.url, handler, options.maxFrameBytes);
    throw new MyelinError("UNSUPPORTED_PLATFORM", "a browser has no Unix sockets; use ws: or wss:");
  } catch (thrown) {
    return failedChannel(thrown, handler);
  }
};

function open(url: string, handler: ChannelHandler, maxFrameBytes: number): Channel {
  const socket = new WebSocket(url, subprotocol);
  socket.binaryType = "arraybuffer";
  let end: ChannelEnd | undefined;
  let poll: ReturnType<typeof setTimeout> | undefined;
  let hasEnded = false;
  /** Once this side ends it, what still arrives is dropped. */
  let isEnding = false;
  const finish = (last: ChannelEnd): void => {
    if (hasEnded) return;
    hasEnded = true;
    clearTimeout(poll);
    handler.onEnd(end ?? last);
  };
  /** Browsers tell nobody when a backlog is gone, so it is looked at. */
  const watchDrain = (): void => {
    poll ??= setTimeout(() => {
      poll = undefined;
      if (hasEnded) return;
      if (socket.bufferedAmount > 0) watchDrain();
      else handler.onDrain?.();
    }, drainPollMs);
  };
  socket.onopen = () => handler.onOpen?.();
  socket.onmessage = ({ data }: { readonly data: unknown }) => {
    if (isEnding) return;
    if (!(data instanceof ArrayBuffer)) socket.close(4003, "binary frames only");
    else if (data.byteLength <= maxFrameBytes) handler.onFrame(new Uint8Array(data));
    else {
      end ??= { code: "PAYLOAD_TOO_LARGE", reason: `a frame of ${data.byteLength} bytes` };
      socket.close(4009, "frame too large");
    }
  };
  socket.onclose = ({ code, reason }) =>
    finish({ reason: reason || `the connection ended (${code})` });
  const destroy = (): void => {
    isEnding = true;
    socket.close();
    setTimeout(() => finish({ reason: "closed by this side" }), 0);
  };
  return {
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    send: (frame) => {
      if (socket.readyState !== WebSocket.OPEN) return;
      socket.send(frame);
      if (socket.bufferedAmount > highWaterBytes) watchDrain();
    },
    // A browser cannot stop reading from a WebSocket.
    pause: () => {},
    resume: () => {},
    close: () => {
      isEnding = true;
      socket.close(1000);
      setTimeout(() => finish({ reason: "closed by this side" }), closeWithinMs);
    },
    destroy,
  };
}
