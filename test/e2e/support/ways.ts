import { join } from "node:path";
import type { NodeProcess } from "./node-process.ts";

/** One way for agents to reach a node, which is the same again after the node's restart. */
export interface Way {
  readonly name: string;
  /** What `myelin up` is told for the first start. */
  argsOf(dataDirectory: string): readonly string[];
  /** What it is told to be reached where `former` was. */
  argsAgain(dataDirectory: string, former: NodeProcess): readonly string[];
  urlOf(node: NodeProcess): string;
}

const unixArgs = (dataDirectory: string): readonly string[] => [
  "--unix",
  join(dataDirectory, "node.sock"),
];

/** Every way between processes that a node has. */
export const ways: readonly Way[] = [
  {
    name: "WebSocket",
    argsOf: () => [],
    argsAgain: (_, former) => ["--port", String(former.port)],
    urlOf: (node) => node.url,
  },
  {
    name: "a Unix socket",
    argsOf: unixArgs,
    argsAgain: unixArgs,
    urlOf: ({ unix }) => {
      if (unix === undefined) throw new Error("the node has no Unix socket");
      return unix;
    },
  },
];
