/**
 * What idle sessions cost without a node: a raw `ws` server, or a server of bare sockets, that echoes
 * and, as `ws` servers do, pings.
 *
 *     node bench/sessions/idle-server.ts websocket|socket HEARTBEAT_MS [PORT]
 *
 * Prints `{"url": "ws://127.0.0.1:…"}` as one line once it listens.
 */
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";

const [kind = "websocket", heartbeatMs = "10000", port = "0"] = process.argv.slice(2);
const beatEveryMs = 10;

function announce(address: AddressInfo): void {
  process.stdout.write(`${JSON.stringify({ url: `ws://127.0.0.1:${address.port}` })}\n`);
}

function serveWebSockets(): void {
  const server = new WebSocketServer({
    host: "127.0.0.1",
    port: Number(port),
    perMessageDeflate: false,
  });
  server.on("connection", (webSocket) => {
    // One Buffer: the binary type is left at "nodebuffer".
    webSocket.on("message", (message) => webSocket.send(message as Buffer));
    webSocket.on("error", () => webSocket.terminate());
  });
  server.on("listening", () => announce(server.address() as AddressInfo));
  let share = 0;
  let clients = server.clients.values();
  setInterval(() => {
    share += (server.clients.size * beatEveryMs) / Number(heartbeatMs);
    for (; share >= 1; share--) {
      const next = clients.next();
      if (next.done === true) clients = server.clients.values();
      else next.value.ping();
    }
  }, beatEveryMs);
}

function serveSockets(): void {
  const server = createServer((socket) => {
    socket.on("data", (bytes) => void socket.write(bytes));
    socket.on("error", () => socket.destroy());
  });
  server.listen(Number(port), "127.0.0.1", () => announce(server.address() as AddressInfo));
}

if (kind === "websocket") serveWebSockets();
else serveSockets();
// The one who started it closes its stdin by ending, however it ends.
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
