/**
 * Plants small faults into the engine, by changing its text while it is loaded: the files are left as they are, and an
 * engine with a fault is another one beside the engine of the process.
 */
import assert from "node:assert/strict";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import type { Engine } from "../../../packages/node/src/engine/index.ts";

/** A piece of a file that is there once, and what stands there instead. */
export interface Edit {
  /** Relative to `packages`. */
  readonly file: string;
  readonly find: string | RegExp;
  readonly by: string;
}

/** A fault, and a pair that shows it. */
export interface PlantedFault {
  /** One of the pairs that are searched; where a change of rules or streams has it show nothing any more, another is found. */
  readonly pair: number;
  readonly edits: readonly Edit[];
}

const packagesUrl = new URL("../../../packages/", import.meta.url).href;
const engineUrl = new URL("node/src/engine/index.ts", packagesUrl).href;
const mark = "planted";

const engines = new Map<string, Promise<typeof Engine>>();

/** An engine with a fault. @throws AssertionError when a piece that is to be changed is not there once */
export function plantInto(fault: string, edits: readonly Edit[]): Promise<typeof Engine> {
  const engine = engines.get(fault) ?? load(fault, edits);
  engines.set(fault, engine);
  return engine;
}

async function load(fault: string, edits: readonly Edit[]): Promise<typeof Engine> {
  const left = new Set(edits);
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context);
      const planted = new URL(context.parentURL ?? engineUrl).searchParams.get(mark);
      const isOurs =
        resolved.url.startsWith(packagesUrl) && !resolved.url.includes("/node_modules/");
      return planted === fault && isOurs ? { ...resolved, url: markedUrl(resolved.url) } : resolved;
    },
    load(url, context, next) {
      const loaded = next(url, context);
      if (new URL(url).searchParams.get(mark) !== fault) return loaded;
      const path = fileURLToPath(url).slice(fileURLToPath(packagesUrl).length);
      assert.ok(loaded.source !== null && loaded.source !== undefined);
      let source =
        typeof loaded.source === "string" ? loaded.source : new TextDecoder().decode(loaded.source);
      for (const edit of edits) {
        if (edit.file !== path) continue;
        left.delete(edit);
        assert.equal(source.split(edit.find).length, countOf(edit.find), `${path}: ${edit.find}`);
        source = source.replace(edit.find, edit.by);
      }
      return { ...loaded, source };
    },
  });
  try {
    const loaded = (await import(markedUrl(engineUrl))) as { readonly Engine: typeof Engine };
    assert.deepEqual([...left], [], "files that are not of the engine");
    return loaded.Engine;
  } finally {
    hooks.deregister();
  }

  function markedUrl(url: string): string {
    const marked = new URL(url);
    marked.searchParams.set(mark, fault);
    return marked.href;
  }
}

/** How many pieces a text that holds a pattern once is split into: its groups are pieces, too. */
function countOf(find: string | RegExp): number {
  if (typeof find === "string") return 2;
  return 2 + (new RegExp(`${find.source}|`).exec("")?.length ?? 1) - 1;
}
