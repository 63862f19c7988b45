// A data directory as a killed node leaves it, and all that was true of it after each commit.
import { cpSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  openSqliteStore,
  type SqliteStore,
} from "../../../packages/node/src/adapters/sqlite-store/index.ts";
import {
  agentRecord,
  episodeRecord,
  instructionRecord,
  ledgerEntry,
  nowUs,
  ruleRecord,
} from "../../../packages/node/src/ports/test-support.ts";

/** SQLite's, in these files. */
export const pageBytes = 4096;
const commits = 42;
const kinds = 7;
/** Commits of the state that are in its file; the later ones are in its log. */
const commitsInFile = 28;

/** What a store says of everything that it keeps, by what was asked. */
export type Told = ReadonlyMap<string, unknown>;

/** A moment of the state. */
export interface Moment {
  readonly told: Told;
  /** Size of the log when its commit had ended. */
  readonly logBytes: number;
}

/** A data directory and its past. */
export interface History {
  readonly killed: string;
  /** The same after a node that has ended in order: all is in its files, and there is no log. */
  readonly closed: string;
  /** Of the state, after each commit since its file was written; the last one is the present. */
  readonly moments: readonly Moment[];
  /** What the ledger says. */
  readonly ledger: Told;
  readonly ledgerFile: string;
}

/** Each step is one commit. */
async function commit(store: SqliteStore, step: number): Promise<void> {
  const id = `i${step}`;
  switch (step % kinds) {
    case 0:
      await store.saveAgents(
        Array.from({ length: 20 }, (_, index) => agentRecord(`a${step + index}`)),
      );
      break;
    case 1:
      await store.saveRules([ruleRecord("hot", step), ruleRecord(`r${step}`, 1)]);
      break;
    case 2:
      await store.acceptInstructions(
        Array.from({ length: 12 }, (_, index) =>
          instructionRecord(index === 0 ? id : `${id}-${index}`, {
            batch: id,
            idempotencyKey: `k${step}`,
            args: { step, reason: "a reason that fills a page" },
          }),
        ),
      );
      break;
    case 3: {
      const end = { status: "executed", endedAtUs: nowUs, result: { step } } as const;
      await store.updateInstructions([{ id: `i${step - 1}`, ...end }]);
      break;
    }
    case 4:
      await store.saveEpisodes([episodeRecord("a0", `r${step - 3}`)], []);
      break;
    case 5:
      await store.saveTokens([tokenOf(step)]);
      break;
    default:
      await store.appendAudit([auditOf(step)]);
  }
}

const tokenOf = (step: number) => ({
  id: `t${step}`,
  name: `ops-${step}`,
  role: "operator" as const,
  hash: "ab".repeat(32),
  createdAtUs: nowUs,
  createdBy: "local",
});

const auditOf = (step: number) => ({
  timeUs: nowUs + step,
  actor: "local",
  act: "token.create",
  subject: `t${step}`,
  outcome: "done" as const,
  address: "127.0.0.1",
  details: { step },
});

/** Everything that a store says, or the error with which it refuses to. */
export async function tellAll(store: SqliteStore): Promise<Told> {
  const told = new Map<string, unknown>();
  const note = async (what: string, ask: Promise<unknown>): Promise<void> => {
    told.set(what, await ask.catch((error: unknown) => error));
  };
  await note(
    "state",
    store.load().then((state) => ({
      ...state,
      episodes: state.episodes.toSorted((a, b) => a.rule.localeCompare(b.rule)),
    })),
  );
  for (let step = 0; step < commits; step++) {
    if (step % kinds !== 2) continue;
    await note(`instruction ${step}`, store.instructionById(`i${step}`));
    await note(`key ${step}`, store.instructionsByKey(`k${step}`));
  }
  await note("rule versions", store.ruleVersions("hot"));
  // Places in the audit are told by the order alone.
  const entries = store.queryAudit({ limit: 1000 });
  await note(
    "audit",
    entries.then((all) => all.map(({ sequence: _, ...entry }) => entry)),
  );
  return told;
}

/** Everything that a ledger says, by the ways in which it can be asked. */
export async function tellLedger(store: SqliteStore): Promise<Told> {
  const told = new Map<string, unknown>();
  for (const agent of [undefined, "w0", "w1"]) {
    const query = { limit: 1000, newestFirst: false, ...(agent === undefined ? {} : { agent }) };
    const page = store.queryLedger(query).then(({ entries }) => entries);
    told.set(`ledger of ${agent ?? "all"}`, await page.catch((error: unknown) => error));
  }
  return told;
}

/** Makes a history in `folder`. */
export async function makeHistory(folder: string): Promise<History> {
  const [live, killed] = [join(folder, "live"), join(folder, "killed")];
  const first = await openSqliteStore({ directory: live });
  for (let step = 0; step < commitsInFile; step++) await commit(first, step);
  await first.appendLedger(
    Array.from({ length: 200 }, (_, index) => ledgerEntry(`e${index}`, { agent: `w${index % 2}` })),
  );
  await first.close();
  // Nothing rests long enough here for a log to be moved into its file.
  const second = await openSqliteStore({ directory: live });
  const log = join(live, "state.db-wal");
  const moments: Moment[] = [{ told: await tellAll(second), logBytes: 0 }];
  for (let step = commitsInFile; step < commits; step++) {
    await commit(second, step);
    moments.push({ told: await tellAll(second), logBytes: statSync(log).size });
  }
  cpSync(live, killed, { recursive: true });
  const ledger = await tellLedger(second);
  await second.close();
  const [day = ""] = readdirSync(join(live, "ledger"));
  return { killed, closed: live, moments, ledger, ledgerFile: join("ledger", day) };
}
