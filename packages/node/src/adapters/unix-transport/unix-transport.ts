import { chmod, lstat, unlink } from "node:fs/promises";
import { type Server, type Socket, connect, createServer } from "node:net";
import { dirname } from "node:path";
import { isMainThread } from "node:worker_threads";
import { type ErrorCode, MyelinError } from "@myelin/core/errors";
import type { EncodingName } from "@myelin/core/wire";
import { BytePool } from "../../bytes/index.ts";
import type { Clock } from "../../ports/clock.ts";
import type { AcceptChannel, PeerInfo, Transport } from "../../ports/transport.ts";
import { SocketReader } from "../socket-reader/index.ts";
import { UnixChannel } from "./unix-channel.ts";

/** Where and within which bounds a Unix socket is served. */
export interface UnixTransportOptions {
  /** A path of the file system, or `@name` for a name in Linux's abstract namespace. */
  readonly path: string;
  /** A longer frame ends its channel with PAYLOAD_TOO_LARGE. */
  readonly maxFrameBytes: number;
  /** A connection beyond this is closed at once. */
  readonly maxConnections: number;
  /** How its frames are written, which a Unix socket cannot agree upon; protobuf by default. */
  readonly encoding?: EncodingName;
  readonly clock: Clock;
  /** Told of each connection that was not taken, with the code of why. */
  readonly onRefused?: (code: ErrorCode) => void;
}

/**
 * Serves channels on a Unix socket; each frame is led by its length as 4 bytes big-endian. The
 * socket's file can be used by its owner only; a stale file that nothing answers on is replaced.
 */
export function createUnixTransport(options: UnixTransportOptions): Transport {
  const { path, maxFrameBytes, clock, encoding = "proto" } = options;
  const isAbstract = path.startsWith("@");
  const address = isAbstract ? `\0${path.slice(1)}` : path;
  const peer: PeerInfo = { transport: "unix", address: `unix:${path}`, isLoopback: true };
  const pool = new BytePool();
  const reader = new SocketReader();
  let server: Server | undefined;

  async function listen(accept: AcceptChannel): Promise<void> {
    if (server !== undefined)
      throw new MyelinError("CONFLICT", `already listening on unix:${path}`);
    const opened = createServer((socket) => {
      const channel = new UnixChannel(socket, { clock, maxFrameBytes, encoding, pool, reader });
      channel.attach(accept(channel, peer));
    });
    opened.maxConnections = options.maxConnections;
    opened.on("drop", () => options.onRefused?.("RESOURCE_EXHAUSTED"));
    // An accept that fails, say for want of file descriptors, concerns that caller only.
    opened.on("error", () => {
      if (opened.listening) options.onRefused?.("UNAVAILABLE");
    });
    server = opened;
    try {
      await bind(opened);
    } catch (error) {
      server = undefined;
      throw error;
    }
  }

  async function bind(opened: Server): Promise<void> {
    try {
      await listenPrivately(opened, address);
    } catch (error) {
      if (codeOf(error) !== "EADDRINUSE" || isAbstract) throw await listenError(error, path);
      await removeStaleSocket(path);
      await listenPrivately(opened, address).catch(async (again: unknown) => {
        throw await listenError(again, path);
      });
    }
    if (!isAbstract) await chmod(path, 0o600);
  }

  async function close(): Promise<void> {
    // The server's own close waits for every channel; those belong to their owners.
    server?.close();
    server = undefined;
  }

  return { listen, close, url: `unix:${path}` };
}

/** Binds with a umask that lets nobody else connect, not even before the mode is set (a worker thread has no umask). */
function listenPrivately(server: Server, address: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const previousMask = isMainThread ? process.umask(0o177) : undefined;
  try {
    server.once("error", reject);
    server.listen(address, () => {
      server.off("error", reject);
      resolve();
    });
  } finally {
    if (previousMask !== undefined) process.umask(previousMask);
  }
  return promise;
}

/** @throws MyelinError ADDRESS_IN_USE when it is no socket or something answers on it */
async function removeStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new MyelinError("ADDRESS_IN_USE", `${path} exists and is not a socket`, {
      hint: "Choose another path or remove the file.",
      details: { address: `unix:${path}` },
    });
  }
  if (await isAnswered(path)) throw addressInUse(path);
  await unlink(path);
}

function isAnswered(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const probe: Socket = connect(path);
  probe.once("connect", () => {
    probe.destroy();
    resolve(true);
  });
  // Only a refusal proves that nobody listens; a full backlog or a foreign owner does not.
  probe.once("error", (error) => resolve(codeOf(error) !== "ECONNREFUSED"));
  return promise;
}

function addressInUse(path: string): MyelinError {
  return new MyelinError("ADDRESS_IN_USE", `the socket unix:${path} is taken by another process`, {
    hint: "Choose another path or stop that process.",
    details: { address: `unix:${path}` },
  });
}

/** libuv says EACCES also for a directory that does not exist. */
async function listenError(error: unknown, path: string): Promise<MyelinError> {
  const code = codeOf(error);
  if (code === "EADDRINUSE") return addressInUse(path);
  const hasDirectory = await lstat(dirname(path)).then(
    () => true,
    () => false,
  );
  const isForbidden = hasDirectory && (code === "EACCES" || code === "EPERM" || code === "EROFS");
  return new MyelinError(
    isForbidden ? "PERMISSION_DENIED" : "INVALID_ARGUMENT",
    `cannot listen on unix:${path} (${hasDirectory ? code : "no such directory"})`,
    {
      hint: "Give a path of at most 107 bytes in a directory that exists and that you may write.",
      details: { address: `unix:${path}` },
      cause: error,
    },
  );
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
