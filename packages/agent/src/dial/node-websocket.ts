import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Channel, ChannelEnd, ChannelHandler, DialOptions } from "@myelin/core/channel";
import { type ErrorCode, isErrorCode, tlsFaultOf } from "@myelin/core/errors";
import { encodingNamed, subprotocolOf } from "@myelin/core/wire";
import { WebSocket } from "ws";
import type { TlsMaterial } from "./node-tls-files.ts";

const closeWithinMs = 1_000;
/** A longer refusal is no node's. */
const mostRefusalLength = 4_096;

/** What a refusal of the HTTP upgrade means; other statuses may pass. */
const codesByStatus: ReadonlyMap<number, ErrorCode> = new Map([
  [401, "UNAUTHENTICATED"],
  [403, "PERMISSION_DENIED"],
]);
/** What a WebSocket close code means (RFC 6455, 7.4.1). */
const codesByClose: ReadonlyMap<number, ErrorCode> = new Map([
  [1002, "PROTOCOL_ERROR"],
  [1003, "PROTOCOL_ERROR"],
  [1007, "PROTOCOL_ERROR"],
  [1009, "PAYLOAD_TOO_LARGE"],
]);

/** Opens a WebSocket. Nagle's algorithm and compression are off: frames are small and urgent. */
export function dialWebSocket(
  url: string,
  handler: ChannelHandler,
  options: DialOptions,
  tls: TlsMaterial,
): Channel {
  const { name, isText } = encodingNamed(options.encoding);
  const socket = new WebSocket(url, subprotocolOf(name), {
    perMessageDeflate: false,
    maxPayload: options.maxFrameBytes,
    skipUTF8Validation: true,
    ...tls,
  });
  let failure: ChannelEnd | undefined;
  let timer: NodeJS.Timeout | undefined;
  /** Once this side ends it, what still arrives is dropped. */
  let isEnding = false;
  socket.on("upgrade", (response) => watchDrain(response.socket, socket, handler));
  socket.on("open", () => handler.onOpen?.());
  socket.on("message", (data, isBinary) => {
    if (isEnding) return;
    if (isBinary !== isText && data instanceof Uint8Array) handler.onFrame(data);
    else socket.close(1003, isText ? "text frames only" : "binary frames only");
  });
  socket.on("unexpected-response", (request, response) => {
    void refusalOf(response).then((refusal) => {
      failure ??= refusal;
      request.destroy();
      socket.terminate();
    });
  });
  socket.on("error", (error: Error & { readonly code?: string }) => {
    failure ??= { code: codeOf(error.code), reason: reasonOf(error) };
  });
  socket.on("close", (closeCode, reason) => {
    clearTimeout(timer);
    handler.onEnd(failure ?? endOf(closeCode, reason.toString()));
  });
  return {
    encoding: name,
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    send: (frame) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(frame, { binary: !isText });
    },
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close: () => {
      isEnding = true;
      if (socket.readyState === WebSocket.CLOSED) return;
      socket.close(1000);
      timer ??= setTimeout(() => socket.terminate(), closeWithinMs);
    },
    destroy: () => {
      isEnding = true;
      socket.terminate();
    },
  };
}

/** Why the upgrade was refused: what a node says of it, else what its status means. */
async function refusalOf(response: IncomingMessage): Promise<ChannelEnd> {
  const { statusCode = 0, statusMessage = "" } = response;
  const byStatus: ChannelEnd = {
    code: codesByStatus.get(statusCode) ?? "UNAVAILABLE",
    reason: `answered ${statusCode} ${statusMessage}`.trim(),
  };
  try {
    let text = "";
    for await (const chunk of response.setEncoding("utf8")) {
      text += String(chunk);
      if (text.length > mostRefusalLength) return byStatus;
    }
    const { code, message } = Object(JSON.parse(text)) as Record<string, unknown>;
    if (typeof code !== "string" || !isErrorCode(code)) return byStatus;
    return { code, reason: `${byStatus.reason}: ${String(message)}` };
  } catch {
    return byStatus;
  }
}

/** The socket tells when its backlog has gone, after it had risen above the stream's high-water mark. */
function watchDrain(stream: Socket, socket: WebSocket, handler: ChannelHandler): void {
  stream.on("drain", () => {
    if (socket.readyState === WebSocket.OPEN && socket.bufferedAmount === 0) handler.onDrain?.();
  });
}

function reasonOf(error: Error & { readonly code?: string }): string {
  const fault = tlsFaultOf(error.code);
  if (fault !== undefined) return `${fault.message} (${error.code}). ${fault.hint}`;
  return error.message || error.name;
}

/** The library names breaches of the protocol by codes of its own; all else is the network's. */
function codeOf(libraryCode: string | undefined): ErrorCode {
  if (libraryCode === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") return "PAYLOAD_TOO_LARGE";
  return libraryCode?.startsWith("WS_ERR_") === true ? "PROTOCOL_ERROR" : "UNAVAILABLE";
}

function endOf(closeCode: number, reason: string): ChannelEnd {
  const code = codesByClose.get(closeCode);
  const text = reason === "" ? `the connection ended (${closeCode})` : reason;
  return code === undefined ? { reason: text } : { code, reason: text };
}
