import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { type IncomingMessage, request as requestPlain } from "node:http";
import { request as requestSecure } from "node:https";
import { createServer } from "node:net";
import { text } from "node:stream/consumers";
import { reachableHost } from "../client/index.ts";
import { type Finding, fail, ok } from "./finding.ts";

const answerWithinMs = 2000;
/** It is only asked whether it is healthy, and told nothing. */
const anyCertificate = { rejectUnauthorized: false };

/** A place where a node is to listen. */
export interface ListenPlace {
  /** What is looked at, such as `port`. */
  readonly check: string;
  readonly host: string;
  readonly port: number;
  /** The flags that say where. */
  readonly flags: { readonly host: string; readonly port: string };
}

/**
 * Whether a node can listen where it is to, and if not, who does. `nodePid` is the process that has the
 * node's data directory: a node that asks for clients' certificates answers nobody else here.
 */
export async function portFinding(
  { check, host, port, flags }: ListenPlace,
  nodePid: number | undefined,
): Promise<Finding> {
  const code = await listenCode(host, port);
  if (code === undefined) return ok(check, port === 0 ? "a free one" : `${host}:${port} is free`);
  if (code !== "EADDRINUSE") {
    return fail(
      check,
      `${host}:${port} cannot be listened on: ${code}`,
      code === "EACCES"
        ? "Use a port of 1024 or more, or give the process CAP_NET_BIND_SERVICE."
        : `Name an address of this machine with ${flags.host}.`,
    );
  }
  const holder = holderOf(port);
  const isOurs = holder !== undefined && holder.pid === nodePid;
  if (isOurs || (await isNode(host, port))) return ok(check, `a node serves at ${host}:${port}`);
  const name = holder === undefined ? "another process" : `process ${holder.pid} (${holder.name})`;
  return fail(
    check,
    `${host}:${port} is in use by ${name}`,
    `Stop that process, or name another port with ${flags.port}.`,
  );
}

function listenCode(host: string, port: number): Promise<string | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/** Whether who listens there says that it is healthy, as a node does; over TLS whoever it is. */
async function isNode(host: string, port: number): Promise<boolean> {
  const name = reachableHost(host).replace(/^\[|\]$/g, "");
  const answers = await Promise.all(
    [requestPlain, requestSecure].map(async (request) => {
      const call = request({ host: name, port, path: "/healthz", agent: false, ...anyCertificate });
      const bound = setTimeout(() => call.destroy(new Error("no answer")), answerWithinMs);
      try {
        call.end();
        const [response] = (await once(call, "response")) as [IncomingMessage];
        return (await text(response)).trim();
      } catch {
        return "";
      } finally {
        clearTimeout(bound);
      }
    }),
  );
  return answers.includes('{"status":"ok"}');
}

/** The process that listens on a TCP port, found by its socket; undefined where that cannot be seen. */
function holderOf(port: number): { readonly pid: number; readonly name: string } | undefined {
  const inodes = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((path) => listeners(path, port));
  if (inodes.length === 0) return undefined;
  for (const pid of numbersIn("/proc")) {
    const folder = `/proc/${pid}/fd`;
    for (const descriptor of numbersIn(folder)) {
      const [, inode = ""] = /^socket:\[(\d+)\]$/.exec(linkOf(`${folder}/${descriptor}`)) ?? [];
      if (inodes.includes(inode))
        return { pid: Number(pid), name: textOf(`/proc/${pid}/comm`).trim() };
    }
  }
  return undefined;
}

/** Inodes of the sockets that listen on a port (state 0A), as proc(5) lists them. */
function listeners(path: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return textOf(path)
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = "", , state]) => local.endsWith(suffix) && state === "0A")
    .map((fields) => fields[9] ?? "");
}

function numbersIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
