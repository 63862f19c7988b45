import type { Channel, ChannelEnd, ChannelHandler, Dial, DialOptions } from "@myelin/core/channel";
import { MyelinError } from "@myelin/core/errors";
import { encodingNamed, subprotocolOf } from "@myelin/core/wire";
import { failedChannel } from "./failed-channel.ts";
import { endpointOf } from "./url.ts";

const highWaterBytes = 65_536;
const drainPollMs = 10;
const closeWithinMs = 1_000;

/** Opens a channel to a node by the platform's own WebSocket. */
const dial: Dial = (url, handler, options) => {
  try {
    const endpoint = endpointOf(url);
    if (endpoint.kind === "websocket") return open(endpoint.url, handler, options);
    throw new MyelinError("UNSUPPORTED_PLATFORM", "a browser has no Unix sockets; use ws: or wss:");
  } catch (thrown) {
    return failedChannel(thrown, handler);
  }
};

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Opens channels from a browser, which alone knows whom to trust and what to show. */
export function dialWith(_: object): Dial {
  return dial;
}

function open(url: string, handler: ChannelHandler, options: DialOptions): Channel {
  const { maxFrameBytes } = options;
  const { name, isText } = encodingNamed(options.encoding);
  const socket = new WebSocket(url, subprotocolOf(name));
  socket.binaryType = "arraybuffer";
  let end: ChannelEnd | undefined;
  let hasEnded = false;
  /** Once this side ends it, what still arrives is dropped. */
  let isEnding = false;
  const finish = (last: ChannelEnd): void => {
    if (hasEnded) return;
    hasEnded = true;
    backlog.stop();
    handler.onEnd(end ?? last);
  };
  const backlog = backlogOf(socket, () => handler.onDrain?.());
  socket.onopen = () => handler.onOpen?.();
  socket.onmessage = ({ data }: { readonly data: unknown }) => {
    if (isEnding) return;
    const frame = frameOf(data, isText);
    if (frame === undefined) socket.close(4003, isText ? "text frames only" : "binary frames only");
    else if (frame.length <= maxFrameBytes) handler.onFrame(frame);
    else {
      end ??= { code: "PAYLOAD_TOO_LARGE", reason: `a frame of ${frame.length} bytes` };
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
    encoding: name,
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    send: (frame) => {
      if (socket.readyState !== WebSocket.OPEN) return;
      socket.send(isText ? decoder.decode(frame) : frame);
      if (socket.bufferedAmount > highWaterBytes) backlog.watch();
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

/** Tells when a backlog that is watched has gone. Browsers tell nobody, so it is looked at. */
function backlogOf(
  socket: WebSocket,
  onGone: () => void,
): { readonly watch: () => void; readonly stop: () => void } {
  let poll: ReturnType<typeof setTimeout> | undefined;
  const watch = (): void => {
    poll ??= setTimeout(() => {
      poll = undefined;
      if (socket.bufferedAmount > 0) watch();
      else onGone();
    }, drainPollMs);
  };
  return { watch, stop: () => clearTimeout(poll) };
}

/** A message's bytes when it is of the kind that the encoding has. */
function frameOf(data: unknown, isText: boolean): Uint8Array | undefined {
  if (isText) return typeof data === "string" ? encoder.encode(data) : undefined;
  return data instanceof ArrayBuffer ? new Uint8Array(data) : undefined;
}
