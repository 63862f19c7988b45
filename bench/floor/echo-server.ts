/**
 * The floor of the loop benchmark: a raw `ws` server, or a raw Unix socket, that echoes.
 *
 *     node bench/floor/echo-server.ts [--unix PATH]
 *
 * Prints `{"url": "ws://127.0.0.1:…"}` (or `unix:PATH`) as one line once it listens.
 */
import { type Server, createServer } from "node:net";
import { parseArgs } from "node:util";
import { WebSocketServer } from "ws";
import { cutMessages, replyTo } from "./message.ts";

function serveUnix(path: string): Server {
  return createServer((socket) => {
    const take = cutMessages((message) => void socket.write(replyTo(message)));
    socket.on("data", take);
    socket.on("error", () => socket.destroy());
  }).listen(path, () => announce(`unix:${path}`));
}

function serveWebSocket(): WebSocketServer {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
  server.on("connection", (webSocket) => {
    // One Buffer: the binary type is left at "nodebuffer".
    webSocket.on("message", (message) => webSocket.send(replyTo(message as Buffer)));
    webSocket.on("error", () => webSocket.terminate());
  });
  server.on("listening", () => {
    const address = server.address();
    if (typeof address === "object" && address !== null) {
      announce(`ws://127.0.0.1:${address.port}`);
    }
  });
  return server;
}

function announce(url: string): void {
  process.stdout.write(`${JSON.stringify({ url })}\n`);
}

const { values } = parseArgs({ options: { unix: { type: "string" } } });
if (values.unix === undefined) serveWebSocket();
else serveUnix(values.unix);
// The one who started it closes its stdin by ending, however it ends.
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
