import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { InstructionRecord, LedgerQuery, Store } from "../../packages/node/src/ports/store.ts";
import { accessContract } from "./store-access-contract.ts";
import {
  agentRecord,
  episodeRecord,
  instructionRecord,
  ledgerEntry,
  nowUs,
  ruleRecord,
} from "../../packages/node/src/ports/test-support.ts";
import type { InStore, Promised, StoreBounds, StorePlace } from "./store-place.ts";

const dayUs = 86_400e6;

/** What every store promises. */
export function storeContract(name: string, makePlace: () => Promise<StorePlace>): void {
  const promise = (sentence: string, check: (place: StorePlace) => Promise<void>): void => {
    test(sentence, async () => {
      const place = await makePlace();
      const stores: Store[] = [];
      const open = async (bounds?: StoreBounds): Promise<Store> => {
        const store = await place.open(bounds);
        stores.push(store);
        return store;
      };
      try {
        await check({ ...place, open });
      } finally {
        await Promise.all(stores.map((store) => store.close()));
        await place.remove();
      }
    });
  };
  const inStore = (
    sentence: string,
    check: (store: Store) => Promise<void>,
    bounds?: StoreBounds,
  ): void => {
    promise(sentence, async (place) => check(await place.open(bounds)));
  };
  describe(`the state of a ${name} store`, () => stateContract(promise, inStore));
  describe(`the instructions of a ${name} store`, () => instructionContract(promise, inStore));
  describe(`the ledger of a ${name} store`, () => ledgerContract(promise, inStore));
  describe(`the tokens and the audit of a ${name} store`, () => accessContract(promise, inStore));
  describe(`the life of a ${name} store`, () => lifeContract(promise, inStore));
}

function stateContract(promise: Promised, inStore: InStore): void {
  inStore("nothing is kept at first", async (store) => {
    assert.deepEqual(await store.load(), {
      agents: [],
      rules: [],
      openInstructions: [],
      tokens: [],
      episodes: [],
    });
  });

  promise("agents are found again, with all that was said of them", async (place) => {
    const first = await place.open();
    await first.saveAgents([agentRecord("w1"), agentRecord("w2", { parts: [], labels: {} })]);
    const newer = agentRecord("w1", { tier: "cloud", lastSeenUs: nowUs + 1 });
    await first.saveAgents([newer]);
    await first.close();
    const second = await place.open();
    const { agents } = await second.load();
    assert.deepEqual(
      [...agents].sort((one, other) => one.id.localeCompare(other.id)),
      [newer, agentRecord("w2", { parts: [], labels: {} })],
    );
  });

  promise(
    "the episode of each agent and rule is found again, the latest of each",
    async (place) => {
      const first = await place.open();
      const kept = episodeRecord("w1", "cold", {
        recipient: { part: "app", incarnation: "i1" },
        pending: { meaningVersion: 3, timeLine: "app/i1/i1.0/0", sinceUs: nowUs + 0.5 },
      });
      await first.saveEpisodes([episodeRecord("w1", "hot"), episodeRecord("w2", "hot"), kept], []);
      const newer = episodeRecord("w1", "hot", { startedAtUs: nowUs + 1, isOver: true });
      await first.saveEpisodes([newer], [episodeRecord("w2", "hot"), { agent: "w3", rule: "hot" }]);
      await first.close();
      const { episodes } = await (await place.open()).load();
      assert.deepEqual(
        [...episodes].sort((one, other) => one.rule.localeCompare(other.rule)),
        [kept, newer],
      );
    },
  );

  inStore("an agent's episodes are forgotten with it", async (store) => {
    await store.saveAgents([agentRecord("w1")]);
    await store.saveEpisodes([episodeRecord("w1", "hot"), episodeRecord("w2", "hot")], []);
    await store.forgetAgent("w1");
    assert.deepEqual((await store.load()).episodes, [episodeRecord("w2", "hot")]);
  });

  inStore("a forgotten agent is gone, and forgetting says whether it was known", async (store) => {
    await store.saveAgents([agentRecord("w1"), agentRecord("w2")]);
    assert.equal(await store.forgetAgent("w1"), true);
    assert.equal(await store.forgetAgent("w1"), false);
    assert.deepEqual((await store.load()).agents, [agentRecord("w2")]);
  });

  inStore(
    "the registry is bounded: what is known may change, and nothing new comes in until something is forgotten",
    async (store) => {
      await store.saveAgents([agentRecord("w1"), agentRecord("w2")]);
      await assert.rejects(store.saveAgents([agentRecord("w1"), agentRecord("w3")]), {
        code: "RESOURCE_EXHAUSTED",
      });
      await store.saveAgents([agentRecord("w2", { tier: "cloud" })]);
      assert.deepEqual((await store.load()).agents, [
        agentRecord("w1"),
        agentRecord("w2", { tier: "cloud" }),
      ]);
      await store.forgetAgent("w1");
      await store.saveAgents([agentRecord("w3")]);
      assert.equal((await store.load()).agents.length, 2);
    },
    { maxAgents: 2 },
  );

  promise("every version of a rule is kept, and the newest is loaded", async (place) => {
    const first = await place.open();
    const deletion = ruleRecord("cold", 2, { isDeleted: true });
    await first.saveRules([ruleRecord("hot", 1), ruleRecord("cold", 1)]);
    await first.saveRules([ruleRecord("hot", 2, { meaningVersion: 2 }), deletion]);
    await first.close();
    const second = await place.open();
    const { rules } = await second.load();
    assert.deepEqual(
      [...rules].sort((one, other) => one.name.localeCompare(other.name)),
      [deletion, ruleRecord("hot", 2, { meaningVersion: 2 })],
    );
    const versions = await second.ruleVersions("hot");
    assert.deepEqual(versions, [ruleRecord("hot", 1), ruleRecord("hot", 2, { meaningVersion: 2 })]);
    assert.deepEqual(await second.ruleVersions("unheard-of"), []);
  });

  promise("whether rules are enforced is kept, the latest word of it", async (place) => {
    const first = await place.open();
    assert.equal((await first.load()).enforcement, undefined);
    const off = { isOn: false, changedAtUs: nowUs, actor: "token:ops", reason: "drill" };
    const on = { isOn: true, changedAtUs: nowUs + 1, actor: "local" };
    await first.saveEnforcement(off);
    await first.saveEnforcement(on);
    await first.saveEnforcement(off);
    await first.close();
    const second = await place.open();
    assert.deepEqual((await second.load()).enforcement, off);
  });

  inStore("rules are saved all or none", async (store) => {
    await store.saveRules([ruleRecord("hot", 1)]);
    await assert.rejects(store.saveRules([ruleRecord("cold", 1), ruleRecord("hot", 1)]), {
      code: "ALREADY_EXISTS",
    });
    assert.deepEqual((await store.load()).rules, [ruleRecord("hot", 1)]);
    assert.deepEqual(await store.ruleVersions("cold"), []);
  });
}

function instructionContract(promise: Promised, inStore: InStore): void {
  promise(
    "accepted instructions are found again, and the open ones loaded in their order",
    async (place) => {
      const first = await place.open();
      const full = instructionRecord("c", {
        part: "app",
        idempotencyKey: "k",
        incarnation: "i1",
        isDurable: false,
        isOutlived: true,
      });
      await first.acceptInstructions([instructionRecord("b"), instructionRecord("a")]);
      await first.acceptInstructions([full]);
      await first.updateInstructions([{ id: "a", status: "executed", endedAtUs: nowUs }]);
      await first.close();
      const second = await place.open();
      assert.deepEqual((await second.load()).openInstructions, [instructionRecord("b"), full]);
      assert.deepEqual(
        await second.instructionById("a"),
        instructionRecord("a", { status: "executed", endedAtUs: nowUs }),
      );
    },
  );

  inStore("what became of an instruction is noted, and what is absent stays", async (store) => {
    await store.acceptInstructions([instructionRecord("a"), instructionRecord("b")]);
    await store.updateInstructions([
      { id: "a", status: "sent", part: "app", incarnation: "i7", isOutlived: true },
    ]);
    assert.deepEqual(
      await store.instructionById("a"),
      instructionRecord("a", { status: "sent", part: "app", incarnation: "i7", isOutlived: true }),
    );
    const error = { code: "HANDLER_FAILED", message: "no" } as const;
    await store.updateInstructions([
      { id: "a", status: "executed", endedAtUs: nowUs, result: null },
      { id: "unheard-of", status: "failed" },
      { id: "b", status: "failed", endedAtUs: nowUs, error },
    ]);
    assert.deepEqual(
      await store.instructionById("a"),
      instructionRecord("a", {
        status: "executed",
        part: "app",
        incarnation: "i7",
        isOutlived: true,
        endedAtUs: nowUs,
        result: null,
      }),
    );
    assert.deepEqual(
      await store.instructionById("b"),
      instructionRecord("b", { status: "failed", endedAtUs: nowUs, error }),
    );
    assert.equal(await store.instructionById("unheard-of"), undefined);
    assert.deepEqual((await store.load()).openInstructions, []);
  });

  inStore(
    "a call's instructions are found by its idempotency key, which no other call may use",
    async (store) => {
      const ofKey = (id: string, batch: string): InstructionRecord =>
        instructionRecord(id, { batch, idempotencyKey: "deploy-7" });
      await store.acceptInstructions([
        ofKey("b", "b1"),
        ofKey("a", "b1"),
        instructionRecord("other"),
      ]);
      await assert.rejects(
        store.acceptInstructions([instructionRecord("d", { batch: "b2" }), ofKey("c", "b2")]),
        {
          code: "ALREADY_EXISTS",
        },
      );
      assert.deepEqual(await store.instructionsByKey("deploy-7"), [
        ofKey("b", "b1"),
        ofKey("a", "b1"),
      ]);
      assert.deepEqual(await store.instructionsByKey("unheard-of"), []);
      assert.equal(await store.instructionById("d"), undefined);
    },
  );

  inStore("an id is accepted once, and instructions are accepted all or none", async (store) => {
    await store.acceptInstructions([instructionRecord("a")]);
    const results = await Promise.allSettled([
      store.acceptInstructions([instructionRecord("b"), instructionRecord("a")]),
      store.acceptInstructions([instructionRecord("c"), instructionRecord("c")]),
      store.acceptInstructions([instructionRecord("d")]),
    ]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ["rejected", "rejected", "fulfilled"],
    );
    const { openInstructions } = await store.load();
    assert.deepEqual(openInstructions, [instructionRecord("a"), instructionRecord("d")]);
  });

  inStore("calls take effect in their order, without being awaited", async (store) => {
    const answers = [
      store.acceptInstructions([instructionRecord("a")]),
      store.updateInstructions([{ id: "a", status: "sent" }]),
      store.instructionById("a"),
      store.updateInstructions([{ id: "a", status: "received" }]),
      store.instructionById("a"),
    ] as const;
    const [, , sent, , received] = await Promise.all(answers);
    assert.equal(sent?.status, "sent");
    assert.equal(received?.status, "received");
  });

  inStore(
    "kept instructions are bounded: ended ones give way, oldest first, open ones never",
    async (store) => {
      await store.acceptInstructions(["a", "b", "c"].map((id) => instructionRecord(id)));
      await store.updateInstructions(
        ["b", "a"].map((id) => ({ id, status: "executed", endedAtUs: nowUs })),
      );
      await store.acceptInstructions([instructionRecord("d")]);
      assert.equal(await store.instructionById("a"), undefined);
      assert.equal((await store.instructionById("b"))?.status, "executed");
      await assert.rejects(
        store.acceptInstructions([instructionRecord("e"), instructionRecord("f")]),
        {
          code: "RESOURCE_EXHAUSTED",
        },
      );
      await store.acceptInstructions([instructionRecord("g")]);
      assert.deepEqual(
        (await store.load()).openInstructions.map(({ id }) => id),
        ["c", "d", "g"],
      );
    },
    { maxInstructions: 3 },
  );

  promise(
    "instructions that ended more than seven days ago are gone after the next start",
    async (place) => {
      const first = await place.open();
      const old = { status: "executed", endedAtUs: nowUs - 8 * dayUs } as const;
      const young = { status: "executed", endedAtUs: nowUs - 6 * dayUs } as const;
      await first.acceptInstructions([
        instructionRecord("old", { ...old, idempotencyKey: "k" }),
        instructionRecord("young", young),
        instructionRecord("open", { createdAtUs: nowUs - 8 * dayUs }),
      ]);
      await first.close();
      const second = await place.open();
      assert.equal((await second.load()).openInstructions.length, 1);
      assert.equal(await second.instructionById("old"), undefined);
      assert.deepEqual(await second.instructionById("young"), instructionRecord("young", young));
      await second.acceptInstructions([
        instructionRecord("new", { batch: "b2", idempotencyKey: "k" }),
      ]);
    },
  );
}

function ledgerContract(promise: Promised, inStore: InStore): void {
  const idsOf = async (store: Store, query: Partial<LedgerQuery>): Promise<string[]> => {
    const page = await store.queryLedger({ limit: 100, newestFirst: true, ...query });
    return page.entries.map(({ document }) => document.id);
  };

  promise("entries are found again, newest or oldest first", async (place) => {
    const first = await place.open();
    assert.equal(await first.appendLedger([ledgerEntry("a"), ledgerEntry("b")]), true);
    void first.appendLedger([ledgerEntry("c")]);
    await first.close();
    const second = await place.open();
    assert.deepEqual(await idsOf(second, {}), ["c", "b", "a"]);
    assert.deepEqual(await idsOf(second, { newestFirst: false }), ["a", "b", "c"]);
    assert.deepEqual(await second.ledgerById("b"), ledgerEntry("b"));
    assert.equal(await second.ledgerById("unheard-of"), undefined);
  });

  inStore("a query sees what was appended before it", async (store) => {
    for (let index = 0; index < 700; index++) void store.appendLedger([ledgerEntry(`e${index}`)]);
    const ids = await idsOf(store, { limit: 1000, newestFirst: false });
    assert.deepEqual(
      ids,
      Array.from({ length: 700 }, (_, index) => `e${index}`),
    );
    void store.appendLedger([ledgerEntry("last")]);
    assert.deepEqual(await store.ledgerById("last"), ledgerEntry("last"));
    assert.equal(store.health().pendingLedgerEntries, 0);
  });

  inStore("an entry keeps the episode that caused it", async (store) => {
    const entry = {
      ...ledgerEntry("a"),
      nodeUs: null,
      episode: {
        rule: "hot",
        meaningVersion: 2,
        agent: "w1",
        timeLine: "i1.0",
        startedAtUs: 12.5,
        attempt: 2,
      },
    };
    await store.appendLedger([entry as ReturnType<typeof ledgerEntry>]);
    assert.deepEqual(await store.ledgerById("a"), entry);
  });

  inStore("entries are chosen by agent, rule, status and time", async (store) => {
    await store.appendLedger([
      ledgerEntry("a", { agent: "w1", rule: "hot", status: "executed", endedAtUs: nowUs - 4e6 }),
      ledgerEntry("b", { agent: "w2", rule: "hot", status: "failed", endedAtUs: nowUs - 3e6 }),
      ledgerEntry("c", { agent: "w1", rule: null, status: "failed", endedAtUs: nowUs - 2e6 }),
      ledgerEntry("d", { agent: "w1", rule: "hot", status: "failed", endedAtUs: nowUs - 1e6 }),
    ]);
    assert.deepEqual(await idsOf(store, { agent: "w1" }), ["d", "c", "a"]);
    assert.deepEqual(await idsOf(store, { rule: "hot" }), ["d", "b", "a"]);
    assert.deepEqual(await idsOf(store, { status: "failed" }), ["d", "c", "b"]);
    assert.deepEqual(await idsOf(store, { agent: "w1", rule: "hot", status: "failed" }), ["d"]);
    assert.deepEqual(await idsOf(store, { sinceUs: nowUs - 3e6 }), ["d", "c", "b"]);
    assert.deepEqual(await idsOf(store, { untilUs: nowUs - 2e6 }), ["b", "a"]);
    assert.deepEqual(
      await idsOf(store, { sinceUs: nowUs - 3e6, untilUs: nowUs - 1e6, agent: "w1" }),
      ["c"],
    );
    assert.deepEqual(await idsOf(store, { agent: "unheard-of" }), []);
  });

  inStore("pages follow each other by their cursors, in both directions", async (store) => {
    const ids = Array.from({ length: 25 }, (_, index) => `e${String(index).padStart(2, "0")}`);
    await store.appendLedger(ids.map((id, index) => ledgerEntry(id, { agent: `w${index % 2}` })));
    for (const newestFirst of [true, false]) {
      const read: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await store.queryLedger({
          limit: 7,
          newestFirst,
          agent: "w1",
          ...(cursor === undefined ? {} : { cursor }),
        });
        read.push(...page.entries.map(({ document }) => document.id));
        cursor = page.entries.length === 7 ? page.cursor : undefined;
      } while (cursor !== undefined);
      const odd = ids.filter((_, index) => index % 2 === 1);
      assert.deepEqual(read, newestFirst ? odd.reverse() : odd);
    }
  });

  inStore("newest first ends without a cursor, oldest first can be followed", async (store) => {
    assert.deepEqual(await store.queryLedger({ limit: 5, newestFirst: false }), { entries: [] });
    await store.appendLedger([ledgerEntry("a"), ledgerEntry("b")]);
    assert.equal((await store.queryLedger({ limit: 2, newestFirst: true })).cursor, undefined);
    const { cursor } = await store.queryLedger({ limit: 5, newestFirst: false });
    assert.ok(cursor !== undefined);
    assert.deepEqual(await store.queryLedger({ limit: 5, newestFirst: false, cursor }), {
      entries: [],
      cursor,
    });
    void store.appendLedger([ledgerEntry("c")]);
    assert.deepEqual(await idsOf(store, { newestFirst: false, cursor }), ["c"]);
  });

  inStore("an entry with the id of an earlier one takes its place", async (store) => {
    await store.appendLedger([ledgerEntry("a", { status: "failed" }), ledgerEntry("b")]);
    await store.appendLedger([ledgerEntry("a", { status: "executed" })]);
    assert.deepEqual(await idsOf(store, {}), ["a", "b"]);
    assert.equal((await store.ledgerById("a"))?.document.status, "executed");
  });

  inStore("a cursor that is none and a limit out of range are refused", async (store) => {
    const refused = { code: "INVALID_ARGUMENT" };
    await assert.rejects(store.queryLedger({ limit: 0, newestFirst: true }), refused);
    await assert.rejects(store.queryLedger({ limit: 1001, newestFirst: true }), refused);
    await assert.rejects(store.queryLedger({ limit: 1.5, newestFirst: true }), refused);
    await assert.rejects(
      store.queryLedger({ limit: 1, newestFirst: true, cursor: "' or 1" }),
      refused,
    );
  });
}

function lifeContract(promise: Promised, inStore: InStore): void {
  inStore("a healthy store says so, and counts its commits", async (store) => {
    await Promise.all([
      store.acceptInstructions([instructionRecord("a")]),
      store.acceptInstructions([instructionRecord("b")]),
    ]);
    const health = store.health();
    assert.equal(health.isWritable, true);
    assert.equal(health.lastError, undefined);
    assert.equal(health.pendingWrites, 0);
    assert.equal(health.committedOperations, 2);
    assert.ok(health.commits >= 1);
    assert.equal(health.droppedLedgerEntries, 0);
  });

  inStore(
    "calls beyond the bound of those waiting are refused at once, and the others answered",
    async (store) => {
      const answers = await Promise.allSettled(
        Array.from({ length: 10 }, (_, index) =>
          store.acceptInstructions([instructionRecord(`i${index}`)]),
        ),
      );
      const refused = answers.filter((answer) => answer.status === "rejected");
      assert.equal(refused.length, 6);
      for (const { reason } of refused)
        assert.equal((reason as { code: string }).code, "RESOURCE_EXHAUSTED");
      assert.equal((await store.load()).openInstructions.length, 4);
    },
    { maxQueuedOperations: 4 },
  );

  promise(
    "closing answers what was called before, and refuses what is called after",
    async (place) => {
      const store = await place.open();
      const accepted = store.acceptInstructions([instructionRecord("a")]);
      const appended = store.appendLedger([ledgerEntry("e")]);
      await Promise.all([store.close(), store.close()]);
      await accepted;
      assert.equal(await appended, true);
      await assert.rejects(store.acceptInstructions([instructionRecord("b")]), {
        code: "CONFLICT",
      });
      await assert.rejects(store.queryLedger({ limit: 1, newestFirst: true }), {
        code: "CONFLICT",
      });
      assert.equal(await store.appendLedger([ledgerEntry("f")]), false);
      await store.close();
    },
  );
}
