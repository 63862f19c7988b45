import type { NodeProcess } from "../../e2e/support/index.ts";

/** The value of a metric without labels. */
export async function metricOf(node: NodeProcess, name: string): Promise<number> {
  const text = await (await fetch(new URL("/metrics", node.http))).text();
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  if (line === undefined) throw new Error(`there is no metric ${name}`);
  return Number(line.slice(name.length));
}

/** The sum of a metric over its labels; 0 where none of it was ever counted. */
export async function sumOf(node: NodeProcess, name: string): Promise<number> {
  const text = await (await fetch(new URL("/metrics", node.http))).text();
  const lines = text.split("\n").filter((each) => each.startsWith(`${name}{`));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}
