import type { Server } from "node:http";
import { MyelinError } from "@myelin/core/errors";

/** Connections that wait to be accepted, where the system allows it: a whole fleet may come back at once. */
const backlog = 4096;

/**
 * Resolves when the server listens.
 * @throws MyelinError ADDRESS_IN_USE, PERMISSION_DENIED or INVALID_ARGUMENT
 */
export async function listenOn(
  server: Pick<Server, "listen" | "off" | "once">,
  host: string,
  port: number,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  try {
    server.listen(port, host, backlog, resolve);
    await promise;
  } catch (error) {
    throw listenError(error, host, port);
  } finally {
    server.off("error", reject);
  }
}

function listenError(error: unknown, host: string, port: number): MyelinError {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  const details = { host, port };
  if (code === "EADDRINUSE") {
    return new MyelinError(
      "ADDRESS_IN_USE",
      `port ${port} of ${host} is taken by another process`,
      { details },
    );
  }
  if (code === "EACCES" || code === "EPERM") {
    return new MyelinError(
      "PERMISSION_DENIED",
      `this user may not listen on port ${port} of ${host}`,
      {
        hint: "Choose a port above 1023.",
        details,
        cause: error,
      },
    );
  }
  return new MyelinError("INVALID_ARGUMENT", `cannot listen on port ${port} of ${host} (${code})`, {
    hint: "Give an address of this machine and a port from 0 to 65535.",
    details,
    cause: error,
  });
}
