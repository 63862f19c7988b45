/**
 * An agent of the demo that works with a language model, a program of its own; the model is a script, and needs no
 * network. It reports what the pack `llm` reads: tokens, calls of tools and how often in a row each is repeated.
 *
 *     node thinker.ts [--folder DIR] [--loop-after SECONDS]
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { connect } from "@myelin/agent";
import { filesBelow } from "./files.ts";
import { type ModelReply, ScriptedModel } from "./scripted-model.ts";

const { values } = parseArgs({
  options: {
    folder: { type: "string", default: process.cwd() },
    "loop-after": { type: "string", default: "Infinity" },
  },
});

/** How long the model thinks. */
const thinkingMs = 200;
const mostFiles = 500;

const files = filesBelow(values.folder, mostFiles);
const model = new ScriptedModel(Number(values["loop-after"]) * 1000);
const agent = await connect();
const tokens = agent.metric("gen_ai.client.token.usage");
agent.on(
  "interrupt",
  () => {
    model.interrupt();
    return { interrupted: true };
  },
  { idempotent: true },
);
agent.state.set({ llm: { state: "working", model: "scripted" } });

let called = "";
let repeats = 0;
let found = "";
for (const startedMs = performance.now(); ; ) {
  await delay(thinkingMs);
  const reply = model.next(performance.now() - startedMs, found.length);
  tokens.report(reply.tokens);
  tell(reply);
  found = await use(reply);
}

/** Tells of a call of a tool, and how many times in a row it is this one. */
function tell({ tool, args }: ModelReply): void {
  const call = `${tool} ${JSON.stringify(args)}`;
  repeats = call === called ? repeats + 1 : 1;
  called = call;
  const hash = createHash("sha256").update(call).digest("hex").slice(0, 12);
  agent.event("tool_call", { tool, args_hash: hash, repeats });
}

/** What a tool finds. */
async function use({ tool, args }: ModelReply): Promise<string> {
  const path = files[Number(args["number"]) % files.length];
  if (tool === "list_files") return files.slice(0, 20).join("\n");
  if (tool === "read_file" && path !== undefined)
    return await readFile(path, "utf8").catch(() => "");
  return "";
}
