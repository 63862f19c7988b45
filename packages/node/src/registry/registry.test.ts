import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { VirtualClock } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import { parseAgentId } from "@myelin/core/ids";
import type { AgentAttributes } from "@myelin/core/rules";
import type { Hello } from "@myelin/core/wire";
import { createMemoryStore, type MemoryStore } from "../adapters/memory-store/index.ts";
import type { AgentRecord } from "../ports/store.ts";
import { type Agent, Registry, type RegistryOptions, type Slots } from "./index.ts";

const originUs = 1_760_000_000_000_000;
const secondUs = 1e6;

function helloOf(changes: Partial<Hello> = {}): Hello {
  return {
    protocolVersion: 1,
    agentId: "a1",
    agentType: "worker",
    part: "app",
    incarnation: "life-1",
    tier: "edge",
    capabilities: ["gpu"],
    labels: { zone: "a" },
    actions: [{ name: "stop", isIdempotent: true }],
    actionsFollow: false,
    sdk: { name: "myelin-js", version: "1.0.0" },
    token: "",
    outcomes: [],
    sentAtUs: originUs,
    timeLine: "t1",
    ...changes,
  };
}

/** An engine's slots, with what was told of each. */
class FakeSlots implements Slots {
  readonly attributes: Map<number, AgentAttributes> = new Map();
  readonly lines: Map<string, string> = new Map();
  readonly left: number[] = [];
  isFull = false;
  #next = 0;

  join(attributes: AgentAttributes): number {
    if (this.isFull) throw new MyelinError("RESOURCE_EXHAUSTED", "no slot is free");
    this.attributes.set(this.#next, attributes);
    return this.#next++;
  }
  leave(slot: number): void {
    this.attributes.delete(slot);
    this.left.push(slot);
  }
  setAttributes(slot: number, attributes: AgentAttributes): void {
    assert.ok(this.attributes.has(slot));
    this.attributes.set(slot, attributes);
  }
  startTimeLine(slot: number, part: number, name: string): void {
    this.lines.set(`${slot}/${part}`, name);
  }
}

class Fixture {
  readonly clock: VirtualClock = new VirtualClock(originUs);
  readonly slots: FakeSlots = new FakeSlots();
  readonly store: MemoryStore = createMemoryStore({ clock: this.clock });
  readonly errors: MyelinError[] = [];
  readonly forgotten: string[] = [];
  readonly registry: Registry;

  constructor(options: Partial<RegistryOptions> = {}) {
    this.registry = new Registry({
      clock: this.clock,
      store: this.store,
      slots: this.slots,
      maxAgents: 3,
      maxParts: 2,
      onStoreError: (error) => this.errors.push(error),
      onForgotten: (id) => this.forgotten.push(id),
      ...options,
    });
  }

  admit(changes: Partial<Hello> = {}): Agent {
    return this.registry.admit(helloOf(changes), this.clock.nowUs()).agent;
  }

  /** The records on disk, by id. */
  async stored(): Promise<ReadonlyMap<string, AgentRecord>> {
    const loading = this.store.load();
    await this.clock.run(0);
    const { agents } = await loading;
    return new Map(agents.map((record) => [record.id, record]));
  }
}

const codeOf = (code: string) => (error: unknown) =>
  error instanceof MyelinError && error.code === code;

describe("an agent", () => {
  test("becomes known by its first hello, with a slot and a time line for the part", () => {
    const { registry, slots, clock } = new Fixture();
    const { agent, part, isNewIncarnation } = registry.admit(helloOf(), originUs);
    assert.equal(isNewIncarnation, false);
    assert.equal(registry.get(agent.id), agent);
    assert.equal(registry.bySlot(0), agent);
    assert.deepEqual([agent.slot, agent.firstSeenUs, agent.lastSeenUs], [0, originUs, originUs]);
    assert.deepEqual(
      { ...agent.attributes, labels: { ...agent.attributes.labels } },
      {
        id: "a1",
        type: "worker",
        tier: "edge",
        labels: { zone: "a" },
        capabilities: ["gpu"],
      },
    );
    assert.deepEqual([...part.actions], [["stop", { isIdempotent: true }]]);
    assert.deepEqual([part.sdkName, part.sdkVersion, part.hold], ["myelin-js", "1.0.0", "running"]);
    assert.deepEqual([...slots.lines], [["0/1", "app/life-1/t1/0"]]);
    assert.equal(clock.nowUs(), originUs);
  });

  test("has the labels and capabilities of all its parts, and where they differ those of app", () => {
    const fixture = new Fixture({ maxParts: 3 });
    fixture.admit({ labels: { zone: "a", app: "1" }, agentType: "trader", tier: "" });
    fixture.admit({ part: "helper", labels: { zone: "c" }, agentType: "helper", tier: "" });
    const agent = fixture.admit({
      part: "supervisor",
      labels: { zone: "b", host: "h" },
      agentType: "process",
      tier: "cloud",
      capabilities: ["gpu", "run"],
    });
    const { labels, capabilities, type, tier } = agent.attributes;
    assert.deepEqual({ ...labels }, { zone: "a", app: "1", host: "h" });
    assert.deepEqual([...capabilities].sort(), ["gpu", "run"]);
    assert.deepEqual([type, tier], ["trader", "cloud"]);
    assert.equal(fixture.slots.attributes.get(0), agent.attributes);
    fixture.admit({ labels: {}, agentType: "trader" });
    assert.deepEqual({ ...agent.attributes.labels }, { zone: "c", host: "h" });
  });

  test("may have labels of any name", () => {
    const fixture = new Fixture();
    const labels = JSON.parse('{"__proto__": "evil", "constructor": "c"}');
    const agent = fixture.admit({ labels });
    assert.deepEqual(Object.entries(agent.attributes.labels), [
      ["__proto__", "evil"],
      ["constructor", "c"],
    ]);
    assert.equal(({} as Record<string, unknown>)["evil"], undefined);
  });

  test("keeps its slot while it has a session, and gives it up with the last", () => {
    const { registry, slots } = new Fixture();
    const { agent } = registry.admit(helloOf(), originUs);
    registry.admit(helloOf({ part: "supervisor" }), originUs);
    assert.equal(slots.attributes.size, 1);
    registry.leave(agent, originUs + 1);
    registry.leave(agent, originUs + 2);
    assert.deepEqual(slots.left, [0]);
    assert.equal(agent.slot, undefined);
    assert.equal(registry.bySlot(0), undefined);
    assert.equal(registry.get(agent.id), agent);
    registry.admit(helloOf(), originUs);
    assert.equal(agent.slot, 1);
    assert.deepEqual(
      [...slots.lines.keys()].filter((key) => key.startsWith("1/")),
      ["1/1", "1/2"],
      "the time lines of all its parts are told with the slot",
    );
  });
});

describe("a time line", () => {
  test("begins anew with an incarnation, a name and a step, and not with a further hello", () => {
    const { registry, slots } = new Fixture();
    const lines: string[] = [];
    const note = (): number => lines.push(slots.lines.get("0/1") ?? "");
    const { agent, part } = registry.admit(helloOf(), originUs);
    note();
    registry.admit(helloOf(), originUs);
    note();
    part.hold = "paused";
    const second = registry.admit(helloOf({ incarnation: "life-2" }), originUs);
    assert.equal(second.isNewIncarnation, true);
    assert.equal(part.hold, "running");
    note();
    registry.admit(helloOf({ incarnation: "life-2", timeLine: "t2" }), originUs);
    note();
    registry.startTimeLine(agent, part, "t2");
    note();
    assert.equal(lines[0], lines[1]);
    assert.equal(new Set(lines).size, 4);
  });

  test("has a name of bounded length", () => {
    const { registry } = new Fixture();
    const long = "t".repeat(257);
    assert.throws(() => registry.admit(helloOf({ timeLine: long }), 0), codeOf("INVALID_ARGUMENT"));
    const { agent, part } = registry.admit(helloOf(), 0);
    assert.throws(() => registry.startTimeLine(agent, part, long), codeOf("INVALID_ARGUMENT"));
    assert.equal(part.timeLine, "t1");
  });
});

describe("a part that is refused", () => {
  const long = "x".repeat(257);
  const many = (count: number, prefix: string): string[] =>
    Array.from({ length: count }, (_, number) => `${prefix}${number}`);
  const hostile: readonly [string, Partial<Hello>][] = [
    ["an id that is none", { agentId: "a/1" }],
    ["a part name that is none", { part: "" }],
    ["an incarnation that is none", { incarnation: "" }],
    ["an action that is none", { actions: [{ name: "1", isIdempotent: false }] }],
    ["a long type", { agentType: long }],
    ["a long tier", { tier: long }],
    ["a long label", { labels: { zone: long } }],
    ["a label with a long name", { labels: { [long]: "a" } }],
    ["a long capability", { capabilities: [long] }],
    ["a long SDK", { sdk: { name: long, version: "" } }],
    ["a long version", { sdk: { name: "", version: long } }],
    ["too many labels", { labels: Object.fromEntries(many(65, "l").map((name) => [name, ""])) }],
    ["too many capabilities", { capabilities: many(65, "c") }],
    ["too many actions", { actions: many(257, "a").map((name) => ({ name, isIdempotent: true })) }],
  ];
  for (const [what, changes] of hostile) {
    test(`for ${what} changes nothing`, () => {
      const fixture = new Fixture();
      assert.throws(() => fixture.admit(changes), codeOf("INVALID_ARGUMENT"));
      assert.equal(fixture.registry.size, 0);
      assert.equal(fixture.slots.attributes.size, 0);
      const agent = fixture.admit();
      const before = agent.attributes;
      assert.throws(() => fixture.admit(changes), codeOf("INVALID_ARGUMENT"));
      assert.equal(agent.attributes, before);
      assert.equal(agent.parts.size, 1);
    });
  }

  test("may have as much as the bounds allow", () => {
    const fixture = new Fixture();
    fixture.admit({
      labels: Object.fromEntries(many(64, "l").map((name) => [name, long.slice(1)])),
      capabilities: many(64, "c"),
      actions: many(256, "a").map((name) => ({ name, isIdempotent: true })),
    });
  });

  test("for want of room for its agent changes nothing, and those that are known are admitted", () => {
    const fixture = new Fixture();
    for (const agentId of ["a1", "a2", "a3"]) fixture.admit({ agentId });
    assert.throws(() => fixture.admit({ agentId: "a4" }), codeOf("RESOURCE_EXHAUSTED"));
    assert.equal(fixture.registry.size, 3);
    assert.equal(fixture.slots.attributes.size, 3);
    fixture.registry.leave(fixture.admit({ agentId: "a3" }), originUs);
    assert.throws(() => fixture.admit({ agentId: "a4" }), codeOf("RESOURCE_EXHAUSTED"));
    fixture.admit({ agentId: "a3" });
  });

  test("for want of a slot changes nothing", () => {
    const fixture = new Fixture();
    fixture.slots.isFull = true;
    assert.throws(() => fixture.admit(), codeOf("RESOURCE_EXHAUSTED"));
    assert.equal(fixture.registry.size, 0);
    fixture.slots.isFull = false;
    const agent = fixture.admit();
    fixture.registry.leave(agent, originUs);
    fixture.slots.isFull = true;
    const changes = { part: "other", labels: { zone: "z" } };
    assert.throws(() => fixture.admit(changes), codeOf("RESOURCE_EXHAUSTED"));
    assert.deepEqual([...agent.parts.keys()], ["app"]);
    assert.equal(agent.attributes.labels["zone"], "a");
  });

  test("because its agent has too many leaves the others as they are", () => {
    const fixture = new Fixture();
    const agent = fixture.admit();
    fixture.admit({ part: "supervisor" });
    assert.throws(() => fixture.admit({ part: "third" }), codeOf("RESOURCE_EXHAUSTED"));
    assert.deepEqual([...agent.parts.keys()], ["app", "supervisor"]);
    fixture.admit({ part: "supervisor", incarnation: "life-2" });
  });
});

describe("a record on disk", () => {
  test("brings back what was known, part by part", async () => {
    const first = new Fixture();
    const labels = JSON.parse('{"zone": "a", "__proto__": "p"}');
    first.admit({ labels });
    first.admit({ part: "supervisor", labels: { host: "h" }, actions: [] });
    await first.clock.run(secondUs);
    const second = new Fixture();
    const records = await first.stored();
    second.registry.restore([...records.values()]);
    const before = first.registry.get(parseAgentId("a1"));
    const after = second.registry.get(parseAgentId("a1"));
    assert.ok(before !== undefined && after !== undefined);
    assert.equal(after.slot, undefined);
    assert.deepEqual(
      Object.entries(after.attributes.labels).sort(([a], [b]) => (a < b ? -1 : 1)),
      [
        ["__proto__", "p"],
        ["host", "h"],
        ["zone", "a"],
      ],
    );
    const seen = (agent: Agent): unknown => [
      agent.attributes.type,
      agent.attributes.tier,
      agent.attributes.capabilities,
      agent.firstSeenUs,
      agent.lastSeenUs,
      [...agent.parts.values()].map((part) => [
        part.name,
        part.index,
        part.incarnation,
        part.timeLine,
        [...part.actions],
        part.sdkName,
        part.sdkVersion,
        part.lastSeenUs,
      ]),
    ];
    assert.deepEqual(seen(after), seen(before));
    const { isNewIncarnation } = second.registry.admit(helloOf(), originUs);
    assert.equal(isNewIncarnation, false);
    const again = second.registry.admit(
      helloOf({ part: "supervisor", incarnation: "life-2" }),
      originUs,
    );
    assert.equal(
      again.isNewIncarnation,
      true,
      "a life that ended while the node was away is noticed",
    );
  });

  test("stands in for a part until that declares itself, and never overrides what is declared", async () => {
    const first = new Fixture();
    first.admit({ labels: { zone: "a", old: "1" } });
    first.admit({ part: "supervisor", labels: { host: "h1" } });
    await first.clock.run(secondUs);
    const second = new Fixture();
    second.registry.restore([...(await first.stored()).values()]);
    const agent = second.admit({ part: "supervisor", labels: { host: "h2", zone: "b" } });
    assert.deepEqual({ ...agent.attributes.labels }, { zone: "b", old: "1", host: "h2" });
    second.admit({ labels: { zone: "a" } });
    assert.deepEqual({ ...agent.attributes.labels }, { zone: "a", host: "h2" });
  });

  test("is written soon for a newcomer, and behind for what changes later", async () => {
    const fixture = new Fixture();
    fixture.admit();
    await fixture.clock.run(20_000);
    assert.deepEqual([...(await fixture.stored()).keys()], ["a1"]);
    fixture.admit({ labels: { zone: "b" } });
    await fixture.clock.run(499_999);
    assert.equal((await fixture.stored()).get("a1")?.labels["zone"], "a");
    await fixture.clock.run(1);
    assert.equal((await fixture.stored()).get("a1")?.labels["zone"], "b");
    assert.equal(fixture.clock.nextDueUs, Number.POSITIVE_INFINITY, "nothing is left to be done");
  });

  test("of a newcomer does not wait for that of another which changed before it", async () => {
    const fixture = new Fixture();
    fixture.admit();
    await fixture.clock.run(secondUs);
    fixture.admit({ labels: {} });
    await fixture.clock.run(1000);
    fixture.admit({ agentId: "a2" });
    await fixture.clock.run(20_000);
    assert.deepEqual([...(await fixture.stored()).keys()].sort(), ["a1", "a2"]);
  });

  test("tells when an agent was last seen, about once a minute while it is there", async () => {
    const fixture = new Fixture();
    const agent = fixture.admit();
    const [part] = agent.parts.values();
    assert.ok(part !== undefined);
    await fixture.clock.run(secondUs);
    let writes = 0;
    const { store } = fixture;
    const save = store.saveAgents.bind(store);
    store.saveAgents = (records) => {
      writes++;
      return save(records);
    };
    for (let second = 0; second < 300; second++) {
      await fixture.clock.run(secondUs);
      fixture.registry.heard(agent, part, fixture.clock.nowUs());
    }
    await fixture.clock.run(secondUs);
    assert.equal(writes, 5);
    const record = (await fixture.stored()).get("a1");
    assert.ok((record?.lastSeenUs ?? 0) > fixture.clock.nowUs() - 61 * secondUs);
    assert.equal(record?.parts[0]?.lastSeenUs, record?.lastSeenUs);
    fixture.registry.heard(agent, part, originUs);
    assert.ok(agent.lastSeenUs > originUs, "it does not go back");
    assert.equal(part.lastSeenUs, agent.lastSeenUs);
  });

  test("that cannot be written is tried again, more slowly, and told each time", async () => {
    const fixture = new Fixture();
    fixture.store.disk.isFull = true;
    fixture.admit();
    await fixture.clock.run(20_000);
    assert.deepEqual(
      fixture.errors.map(({ code }) => code),
      ["STORAGE_FULL"],
    );
    for (let count = 0; count < 19; count++) {
      fixture.admit({ labels: { count: `${count}` } });
      await fixture.clock.run(100_000);
    }
    assert.equal(fixture.errors.length, 1);
    await fixture.clock.run(100_000);
    assert.equal(fixture.errors.length, 2);
    fixture.store.disk.isFull = false;
    await fixture.clock.run(2 * secondUs);
    assert.equal((await fixture.stored()).get("a1")?.labels["count"], "18");
    assert.equal(fixture.errors.length, 2);
  });

  test("that changes while it is being written is written again", async () => {
    const fixture = new Fixture();
    const written: unknown[] = [];
    fixture.store.saveAgents = async (records) => {
      written.push(records[0]?.labels["zone"]);
      if (written.length === 1) fixture.admit({ labels: { zone: "b" } });
    };
    fixture.admit();
    await fixture.clock.run(secondUs);
    assert.deepEqual(written, ["a", "b"]);
  });

  test("goes to the store in groups, whatever number of agents changed", async () => {
    const fixture = new Fixture({ maxAgents: 1000 });
    const sizes: number[] = [];
    fixture.store.saveAgents = async (records) => void sizes.push(records.length);
    for (let number = 0; number < 600; number++) fixture.admit({ agentId: `a${number}` });
    await fixture.registry.flush();
    assert.deepEqual(sizes, [250, 250, 100]);
  });

  test("is written once more when the registry closes, and nothing is tried after that", async () => {
    const fixture = new Fixture();
    fixture.admit();
    const closing = fixture.registry.close();
    await fixture.clock.run(0);
    await closing;
    assert.equal((await fixture.stored()).size, 1);
    fixture.store.disk.isFull = true;
    fixture.admit({ labels: {} });
    const again = fixture.registry.close();
    await fixture.clock.run(0);
    await again;
    assert.equal(fixture.errors.length, 1);
    assert.equal(fixture.clock.nextDueUs, Number.POSITIVE_INFINITY);
  });
});

describe("forgetting an agent", () => {
  const a1 = parseAgentId("a1");

  /** Forgets while the clock runs; `meanwhile` runs before the store has answered. */
  async function forget(
    fixture: Fixture,
    meanwhile: () => void = () => undefined,
  ): Promise<string> {
    const outcome = fixture.registry.forget(a1).then(
      () => "forgotten",
      (error: unknown) => MyelinError.from(error).code,
    );
    meanwhile();
    await fixture.clock.run(secondUs);
    return await outcome;
  }

  test("takes it out of the node and off the disk, and makes room", async () => {
    const fixture = new Fixture({ maxAgents: 1 });
    const agent = fixture.admit();
    await fixture.clock.run(secondUs);
    fixture.registry.leave(agent, fixture.clock.nowUs());
    assert.equal(await forget(fixture), "forgotten");
    assert.deepEqual(fixture.forgotten, ["a1"]);
    assert.equal(fixture.registry.size, 0);
    assert.equal((await fixture.stored()).size, 0, "not even by a write that was due");
    fixture.admit({ agentId: "a2" });
  });

  test("is refused for one that is not known, and for one that is present", async () => {
    const fixture = new Fixture();
    assert.equal(await forget(fixture), "NOT_FOUND");
    fixture.admit();
    assert.equal(await forget(fixture), "CONFLICT");
    assert.equal((await fixture.stored()).size, 1);
  });

  test("fails when it comes back meanwhile, and its record is there", async () => {
    const fixture = new Fixture();
    fixture.registry.leave(fixture.admit(), originUs);
    await fixture.clock.run(secondUs);
    assert.equal(await forget(fixture, () => fixture.admit()), "CONFLICT");
    assert.deepEqual(fixture.forgotten, []);
    assert.notEqual(fixture.registry.get(a1)?.slot, undefined);
    assert.equal((await fixture.stored()).size, 1);
  });

  test("is not undone by a write that was due while a slow disk forgot it", async () => {
    const fixture = new Fixture();
    fixture.registry.leave(fixture.admit(), originUs);
    const forgetting = fixture.store.forgetAgent.bind(fixture.store);
    fixture.store.forgetAgent = async (id) => {
      const isForgotten = await forgetting(id);
      await new Promise<void>((resolve) => fixture.clock.schedule(secondUs / 2, resolve));
      return isForgotten;
    };
    assert.equal(await forget(fixture), "forgotten");
    assert.equal((await fixture.stored()).size, 0);
  });

  test("that the disk refuses leaves it known, and written", async () => {
    const fixture = new Fixture();
    fixture.registry.leave(fixture.admit(), originUs);
    fixture.store.forgetAgent = () =>
      Promise.reject(new MyelinError("STORAGE_UNAVAILABLE", "no disk"));
    assert.equal(await forget(fixture), "STORAGE_UNAVAILABLE");
    assert.equal(fixture.registry.size, 1);
    assert.equal((await fixture.stored()).size, 1);
  });

  test("is not undone by a write that fails afterwards", async () => {
    const fixture = new Fixture();
    fixture.registry.leave(fixture.admit(), originUs);
    const { promise, reject } = Promise.withResolvers<void>();
    const save = fixture.store.saveAgents.bind(fixture.store);
    fixture.store.saveAgents = () => promise;
    const flushing = fixture.registry.flush();
    assert.equal(await forget(fixture), "forgotten");
    reject(new MyelinError("STORAGE_FULL", "full"));
    await flushing;
    fixture.store.saveAgents = save;
    await fixture.clock.run(10 * secondUs);
    assert.equal((await fixture.stored()).size, 0);
  });
});
