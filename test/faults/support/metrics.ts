import type { NodeProcess } from "../../e2e/support/index.ts";

/** The value of a metric without labels. */
export async function metricOf(node: NodeProcess, name: string): Promise<number> {
  const [value] = await valuesOf(node, `${name} `);
  if (value === undefined) throw new Error(`there is no metric ${name}`);
  return value;
}

/** The sum of a metric over its labels; 0 where none of it was ever counted. */
export async function sumOf(node: NodeProcess, name: string): Promise<number> {
  const values = await valuesOf(node, `${name}{`);
  return values.reduce((sum, value) => sum + value, 0);
}

async function valuesOf(node: NodeProcess, beginning: string): Promise<readonly number[]> {
  const text = await (await fetch(new URL("/metrics", node.http))).text();
  const lines = text.split("\n").filter((each) => each.startsWith(beginning));
  return lines.map((line) => Number(line.slice(line.lastIndexOf(" "))));
}
