/**
 * Gathers what helps to find a fault: of the running node, and of this machine.
 *
 * Invariants
 * 1. No secret is in it: the node hides its own, and everything goes through a redactor here once more.
 * 2. What cannot be had is told with why, and hinders nothing else. But a caller whom the node does not admit gets nothing.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { MyelinError } from "@myelin/core/errors";
import { isJsonObject, type JsonObject } from "@myelin/core/json";
import { Redactor } from "@myelin/core/secret";
import { crashFilesIn } from "@myelin/node";
import { NodeClient } from "../client/index.ts";
import { shownEntry } from "../config/index.ts";
import type { Consultation } from "../doctor/index.ts";
import { version } from "../version.ts";

/** Files by their names, and what is not among them. */
export interface Bundle {
  readonly files: ReadonlyMap<string, string>;
  readonly missing: readonly { readonly file: string; readonly why: string }[];
}

const answerWithinMs = 10_000;

/** @throws MyelinError UNAUTHENTICATED or PERMISSION_DENIED for a caller who is no operator */
export async function gatherBundle(
  consultation: Consultation,
  profileSeconds: number | undefined,
  createdAtMs: number,
): Promise<Bundle> {
  const gathering = new Gathering(new Redactor(secretsOf(consultation)));
  await gatherLocal(gathering, consultation);
  const client = new NodeClient({ ...consultation.address, answerWithinMs });
  const patient = new NodeClient(consultation.address);
  const laneNumbers: number[] = [];
  if (await gathering.take("node.json", () => client.get("/api/v1/node"))) {
    await gathering.take("debug.json", async () => {
      const { log, ...debug } = await client.get("/api/v1/debug");
      if (Array.isArray(log)) gathering.add("log.jsonl", log.join("\n"));
      if (!Array.isArray(debug["lanes"])) return debug;
      const lanes = debug["lanes"].map(objectOf).map(({ log: lines, ...told }, lane) => {
        laneNumbers.push(lane);
        if (Array.isArray(lines)) gathering.add(`log-lane-${lane}.jsonl`, lines.join("\n"));
        return told;
      });
      return { ...debug, lanes };
    });
    await gathering.take("metrics.txt", () => client.text("/metrics"));
    for (const name of ["top", "rules", "breakers", "enforcement", "ledger"])
      await gathering.take(`${name}.json`, () => client.get(`/api/v1/${name}`));
    if (profileSeconds !== undefined) {
      const path = `/api/v1/debug/profile?seconds=${profileSeconds}`;
      const ofLane = (lane: number) =>
        gathering.take(`profile-lane-${lane}.cpuprofile`, () =>
          patient.post(`${path}&lane=${lane}`, {}),
        );
      await Promise.all([
        gathering.take("profile.cpuprofile", () => patient.post(path, {})),
        ...laneNumbers.map(ofLane),
      ]);
    }
  }
  return gathering.bundle(createdAtMs);
}

class Gathering {
  readonly #redactor: Redactor;
  readonly #files = new Map<string, string>();
  readonly #missing: { file: string; why: string }[] = [];

  constructor(redactor: Redactor) {
    this.#redactor = redactor;
  }

  /** Adds a text, or a document as JSON. */
  add(file: string, content: string | JsonObject): void {
    const text =
      typeof content === "string"
        ? content
        : `${JSON.stringify(this.#redactor.document(content), null, 2)}\n`;
    this.#files.set(file, this.#redactor.text(text));
  }

  /** Adds what can be had; false when it cannot. */
  async take(file: string, get: () => Promise<string | JsonObject>): Promise<boolean> {
    try {
      this.add(file, await get());
      return true;
    } catch (thrown) {
      const error = MyelinError.from(thrown);
      const { code, message } = error;
      if (code === "UNAUTHENTICATED" || code === "PERMISSION_DENIED") throw error;
      this.#missing.push({ file, why: this.#redactor.text(`${code}: ${message}`) });
      return false;
    }
  }

  bundle(createdAtMs: number): Bundle {
    const createdAt = new Date(createdAtMs).toISOString();
    const files = [...this.#files.keys()];
    this.add("manifest.json", { createdAt, version, files, missing: [...this.#missing] });
    return { files: this.#files, missing: this.#missing };
  }
}

/** What is known of this machine, whether a node runs or not. */
async function gatherLocal(
  gathering: Gathering,
  { findings, configuration }: Consultation,
): Promise<void> {
  gathering.add("doctor.json", { findings: findings.map((finding) => ({ ...finding })) });
  if (configuration === undefined) return;
  const { file = null, entries, node } = configuration;
  gathering.add("config.json", {
    file,
    configuration: entries.map((entry) => objectOf(shownEntry(entry))),
  });
  for (const name of crashFilesIn(node.data))
    await gathering.take(name, async () => {
      const document: unknown = JSON.parse(await readFile(join(node.data, name), "utf8"));
      return objectOf(document);
    });
}

function objectOf(document: unknown): JsonObject {
  return isJsonObject(document) ? document : {};
}

/** Secrets that this command knows of. */
function secretsOf({ configuration, address }: Consultation): (string | undefined)[] {
  const { username, password } = URL.parse(configuration?.node.otlp ?? "") ?? {};
  return [address.token, configuration?.node.token, username, password];
}
