import type { Duplex } from "node:stream";
import type { Clock } from "../../ports/clock.ts";

/** How long a refused caller may take to read its refusal. */
const lingerUs = 1e6;

/**
 * Ends a connection after what was written to it. Until the caller hangs up, for a second at most,
 * its bytes are read and dropped: closing with bytes unread would reset the connection and the
 * caller would never see the answer.
 */
export function endAfterLinger(socket: Duplex, clock: Clock): void {
  socket.on("error", () => {});
  socket.removeAllListeners("data");
  socket.resume();
  socket.end();
  const timer = clock.schedule(lingerUs, () => socket.destroy());
  socket.once("close", () => timer.cancel());
  socket.once("end", () => socket.destroy());
}
