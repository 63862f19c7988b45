import { Redactor } from "@myelin/core/secret";

/** Options that a node is started with, as far as they matter to what is shown of them. */
interface ShownOptions {
  readonly token?: string;
  readonly traces?: { readonly url: string };
  readonly configuration?: unknown;
}

/** Takes out what nobody is to see in what the node tells of itself. */
export function redactorOf({ token, traces }: ShownOptions): Redactor {
  const { username, password } = URL.parse(traces?.url ?? "") ?? {};
  return new Redactor([token, username, password, password && decodeURIComponent(password)]);
}

/** How the node was started, as people may see it. */
export function configurationOf(options: ShownOptions): unknown {
  const plain = Object.entries(options).filter(
    ([name, value]) => name !== "log" && typeof value !== "function",
  );
  return options.configuration ?? Object.fromEntries(plain);
}
