// The SDK in a real browser, against a real node.
import assert from "node:assert/strict";
import { accessSync, constants } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type * as sdk from "@myelin/agent";
import type { InstructionDocument } from "@myelin/core/instruction";
import { createLog, type RunningNode, startNode } from "@myelin/node";
import { build } from "esbuild";
import { type Browser, chromium, type Page } from "playwright-core";
import { readPages } from "../docs/page/index.ts";
import { eventually } from "./support/index.ts";

/** What the page's script offers to the functions that run in the page. */
interface PageGlobals {
  Myelin: typeof sdk;
  agent: sdk.Agent;
  performed: string[];
}

const rules = [
  { name: "hot", expr: "cpu_usage > 0.9", action: "cool", args: { at: "${cpu_usage}" } },
];

let pageServer: Server;
let pageUrl: string;
let node: RunningNode;
let browser: Browser;
/** The program of the page that is opened next, beside the SDK. */
let example = "";

before(async () => {
  const script = await bundle(`export * from "@myelin/agent";`, "iife");
  pageServer = createServer((request, response) => {
    const text = request.url === "/sdk.js" ? script : request.url === "/example.js" ? example : "";
    response.setHeader("content-type", text === "" ? "text/html" : "text/javascript");
    response.end(text || "<!doctype html><title>agent</title><script src=/sdk.js></script>");
  });
  await new Promise<void>((resolve) => pageServer.listen(0, "127.0.0.1", resolve));
  pageUrl = `http://127.0.0.1:${(pageServer.address() as AddressInfo).port}`;
  node = await startNode({
    port: 0,
    storage: "memory",
    allowedOrigins: [pageUrl],
    log: await createLog({ level: "error", isReadable: false }),
  });
  browser = await chromium.launch({ executablePath: findChromium(), args: ["--no-sandbox"] });
});

after(async () => {
  await browser?.close();
  await node?.close();
  pageServer?.close();
});

test("an agent in a page reports, is told what to do, does it, and its outcome is on record", async () => {
  await callApi("/api/v1/rules", { rules });
  const page = await openPage(pageUrl);
  const status = await page.evaluate(async (url) => {
    const world = globalThis as unknown as PageGlobals;
    const agent = await world.Myelin.connect({ url, id: "page-1", type: "page" });
    world.agent = agent;
    world.performed = [];
    agent.on("cool", async (instruction) => {
      world.performed.push(JSON.stringify(instruction.args));
      return { cooled: true };
    });
    agent.report({ cpu_usage: 0.5 });
    agent.report({ cpu_usage: 0.95 });
    await agent.flush();
    return agent.status;
  }, node.url);
  assert.equal(status.state, "live");
  const ended = await eventually(
    "the instruction has ended",
    async () => (await executedOf("page-1"))[0],
  );
  assert.deepEqual(ended.result, { cooled: true });
  const performed = await page.evaluate(() => (globalThis as unknown as PageGlobals).performed);
  assert.deepEqual(performed, [`{"at":"0.95"}`]);
  await page.evaluate(() => (globalThis as unknown as PageGlobals).agent.close());
  await page.close();
});

test("the example that docs/sdk.md has for browsers does in a page what it says", async () => {
  const block = readPages()
    .find(({ path }) => path === "docs/sdk.md")
    ?.blocks.find(({ text }) => text.includes('type: "page"'));
  const address = "ws://127.0.0.1:7400";
  assert.ok(block !== undefined && block.text.includes(address));
  example = await bundle(block.text.replace(address, node.url), "esm");
  const page = await openPage(pageUrl);
  await page.addScriptTag({ url: "/example.js", type: "module" });
  await eventually("the page has reported", async () => {
    const response = await fetch(new URL("/api/v1/agents/tab-1", node.httpUrl));
    return (await response.text()).includes("heap_bytes") ? true : undefined;
  });
  const order = { to: "tab-1", action: "reload", wait: "5s" };
  const { instructions } = JSON.parse(await callApi("/api/v1/instructions", order));
  assert.deepEqual(instructions[0].result, { reloading: true });
  await page.close();
});

test("a page of an origin that the node was not told of cannot attach an agent", async () => {
  const page = await openPage(pageUrl.replace("127.0.0.1", "localhost"));
  const code = await page.evaluate(async (url) => {
    const world = globalThis as unknown as PageGlobals;
    const agent = world.Myelin.createAgent({ url, id: "page-2", type: "page" });
    const refused = new Promise<string>((resolve) => {
      agent.onStatus((status) => {
        if (status.state === "waiting") resolve(status.cause.code);
        else if (status.state === "live") resolve("live");
      });
    });
    void agent.connect().catch(() => undefined);
    const outcome = await refused;
    await agent.close();
    return outcome;
  }, node.url);
  assert.equal(code, "UNAVAILABLE");
  await page.close();
});

/** A program as one script for the page, with the SDK's dialer for browsers and nothing of Node's. */
async function bundle(contents: string, format: "iife" | "esm"): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents,
      resolveDir: fileURLToPath(new URL(".", import.meta.url)),
    },
    bundle: true,
    write: false,
    minify: true,
    format,
    ...(format === "iife" ? { globalName: "Myelin" } : {}),
    platform: "browser",
    target: "es2024",
  });
  const text = outputFiles[0]?.text ?? "";
  assert.doesNotMatch(text, /node:|require\(/);
  return text;
}

async function openPage(url: string): Promise<Page> {
  const page = await browser.newPage();
  page.on("pageerror", (error) => assert.fail(error));
  await page.goto(url);
  return page;
}

async function callApi(path: string, body?: unknown): Promise<string> {
  const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const response = await fetch(new URL(path, node.httpUrl), init);
  const answer = await response.text();
  assert.ok(response.ok, answer);
  return answer;
}

async function executedOf(agentId: string): Promise<readonly InstructionDocument[]> {
  const answer = await callApi(`/api/v1/instructions?agent=${agentId}&status=executed`);
  return JSON.parse(answer).instructions;
}

function findChromium(): string {
  const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
  for (const folder of (process.env["PATH"] ?? "").split(":")) {
    for (const name of names) {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return join(folder, name);
      } catch {
        // Not here: the next one is looked at.
      }
    }
  }
  throw new Error("there is no Chromium; npm test installs it");
}
