// Runs the blocks of a page one after another, as a reader would, against a node of the page's own.
//
// Invariants
// 1. A run of a page has a folder and a node of its own: pages can run side by side, and in several
//    test runs at once.
// 2. What a page has started is gone when it has run, however that ends.
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { createLog, type RunningNode, startNode } from "@myelin/node";
import { Conversation } from "./conversation.ts";
import { eventually } from "./eventually.ts";
import { Exchange } from "./exchange.ts";
import {
  assertConfiguration,
  assertOutput,
  assertRefused,
  assertRules,
  assertTestsPass,
} from "./expectations.ts";
import { Folder } from "./folder.ts";
import { LiveProcess } from "./live-process.ts";
import { type Block, fileNameOf, type Page, repositoryRoot } from "./pages.ts";

const runWithinMs = 20_000;
const shell = ["bash", "-euo", "pipefail", "-c"];

/** Performs all blocks of a page; throws at the first that is not as the page says. */
export async function runPage(page: Page): Promise<void> {
  await using stage = await Stage.open(page);
  for (const block of page.blocks) {
    try {
      await stage.perform(block);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`${page.path}:${block.line} (${block.tag}): ${reason}`, { cause });
    }
  }
  stage.assertAlive();
}

class Stage implements AsyncDisposable {
  readonly #folder: Folder;
  readonly #node: RunningNode;
  readonly #exchange: Exchange;
  readonly #conversation: Conversation;
  readonly #live: LiveProcess[] = [];
  #files = 0;
  #output = "";

  private constructor(folder: Folder, node: RunningNode) {
    this.#folder = folder;
    this.#node = node;
    this.#exchange = new Exchange(node.httpUrl);
    this.#conversation = new Conversation(node.url);
  }

  static async open(page: Page): Promise<Stage> {
    using cleanup = new DisposableStack();
    const folder = cleanup.use(new Folder(fileNameOf(page)));
    mkdirSync(join(folder.path, "bin"));
    writeCommand(join(folder.path, "bin/myelin"));
    const node = await startNode({
      port: 0,
      id: "edge-1",
      dataDirectory: join(folder.path, "data-of-page"),
      log: await createLog({ level: "error", isReadable: false }),
    });
    cleanup.move();
    return new Stage(folder, node);
  }

  async perform(block: Block): Promise<void> {
    const { tag, text } = block;
    switch (tag) {
      case "ts run":
        await this.#run(["node", this.#save(block, "ts")]);
        break;
      case "ts live":
        await this.#begin(block, ["node", this.#save(block, "ts")]);
        break;
      case "sh run":
        this.#output = await this.#run([...shell, text]);
        break;
      case "sh live":
        await this.#begin(block, [...shell, text]);
        break;
      case "yaml rules":
      case "json rules":
        this.#save(block, tag.slice(0, 4));
        assertRules(text);
        break;
      case "yaml test":
        assertTestsPass(text);
        break;
      case "yaml config":
        await assertConfiguration(this.#save(block, "yaml"));
        break;
      case "yaml refused":
        assertRefused(text);
        break;
      case "http run":
        await this.#exchange.send(text);
        break;
      case "json answer":
        await this.#exchange.expectDocument(Number(block.options[0] ?? 200), JSON.parse(text));
        break;
      case "text answer":
        await this.#exchange.expectWords(text);
        break;
      case "json say":
        await this.#conversation.say(text);
        break;
      case "json hear":
        await this.#conversation.hear(JSON.parse(text));
        break;
      case "text output":
        assertOutput(text, this.#output);
        break;
      default:
    }
  }

  /** Throws when something that should live on has failed. */
  assertAlive(): void {
    for (const { name, exitCode, output } of this.#live)
      if (exitCode !== undefined && exitCode !== 0)
        throw new Error(`${name} ended with ${exitCode}: ${output}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#conversation.close();
      await Promise.all(this.#live.map((live) => live.stop()));
      await this.#node.close(1000);
    } finally {
      this.#folder[Symbol.dispose]();
    }
  }

  /** Writes a block into the page's folder, by the name that `file=` gives it. */
  #save(block: Block, extension: string): string {
    const named = block.options.find((option) => option.startsWith("file="))?.slice("file=".length);
    const path = join(this.#folder.path, named ?? `block-${++this.#files}.${extension}`);
    writeFileSync(path, block.text);
    return path;
  }

  async #run(command: readonly string[]): Promise<string> {
    await using live = this.#spawn("it", command);
    await live.end(runWithinMs);
    if (live.exitCode !== 0) throw new Error(`it ended with ${live.exitCode}: ${live.output}`);
    return live.stdout;
  }

  /** Starts what lives on, and waits until it has joined the page's node, or has said something. */
  async #begin(block: Block, command: readonly string[]): Promise<void> {
    const { sessions } = this.#node.describe();
    const live = this.#spawn(`the block of line ${block.line}`, command);
    this.#live.push(live);
    await eventually(() => {
      this.assertAlive();
      const isReady = live.output.includes("\n") || this.#node.describe().sessions > sessions;
      return isReady ? undefined : "it neither joined the node nor said anything";
    });
  }

  #spawn(name: string, command: readonly string[]): LiveProcess {
    const path = [join(this.#folder.path, "bin"), join(repositoryRoot, "node_modules/.bin")];
    return new LiveProcess(name, command, {
      cwd: this.#folder.path,
      env: {
        ...process.env,
        NO_COLOR: "1",
        PATH: [...path, process.env["PATH"]].join(delimiter),
        MYELIN_URL: this.#node.httpUrl,
        MYELIN_DATA: join(this.#folder.path, "data-of-up"),
      },
    });
  }
}

/** `myelin` as the pages write it. A node that a page starts takes a free port: 7400 may be in use. */
function writeCommand(path: string): void {
  const main = join(repositoryRoot, "packages/cli/src/main.ts");
  const lines = [
    "#!/usr/bin/env bash",
    'if [[ "$1" == up && "$*" != *--port* ]]; then set -- "$@" --port 0; fi',
    `exec "${process.execPath}" "${main}" "$@"`,
    "",
  ];
  writeFileSync(path, lines.join("\n"));
  chmodSync(path, 0o755);
}
