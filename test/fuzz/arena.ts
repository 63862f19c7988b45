/**
 * A node in virtual time with an attacker and a bystander: the attacker sends whatever it likes, and the
 * bystander's control loop must go on.
 *
 * What holds after every input:
 * 1. Nothing is thrown out of the node, and it has no fault of its own: whatever it says to the attacker
 *    has a code of the catalogue other than INTERNAL.
 * 2. The attacker loses its session at most. The bystander keeps its own; its next sample fires a rule,
 *    and the rule's instruction arrives and is accounted.
 * 3. What the node holds for the attacker stays within its bounds (see campaign.ts).
 */
import assert from "node:assert/strict";
import type { Channel } from "@myelin/core/channel";
import { VirtualClock } from "@myelin/core/clock";
import { isErrorCode } from "@myelin/core/errors";
import { type Encoding, type EncodingName, encodingNamed, encodingNames } from "@myelin/core/wire";
import { TestAgent, TestNode } from "../../packages/node/src/test-support.ts";
import { preamble, startUs } from "./corpus.ts";
import type { Input } from "./input.ts";

const rules = `
rules:
  - name: probe
    expr: probe > 0.5
    where: agent.type == "bystander"
    action: work
  - name: hot
    expr: cpu_usage > 0.5 && twin.mode != "x" || mem_usage > queue
    where: agent.type != "bystander"
    action: restart
    args: { zone: "\${agent.labels.zone}", mode: "\${twin.mode}", cpu: "\${cpu_usage}" }
    cooldown: 10ms
    deadline: 1s
    timeout: 1s
`;
/** Bounds that an attack reaches within some thousand inputs. */
const settings = {
  maxAgents: 100,
  maxMetrics: 500,
  maxOpenInstructions: 1000,
  maxWatchEvents: 100,
};
/** Time that passes with each input. */
const stepUs = 500;
/** Time within which an outcome is on disk, and its agent told so. */
const settledWithinUs = 1_000_000;
/** Frames that the attacker's session has at the most before it is closed and another begins. */
const framesPerSession = 200;

export class Arena {
  readonly #node: TestNode;
  readonly #bystander: TestAgent;
  readonly #attackers = new Map<EncodingName, Attacker>();
  readonly counters = { expelled: 0, survived: 0, refused: 0 };

  private constructor(node: TestNode, bystander: TestAgent) {
    this.#node = node;
    this.#bystander = bystander;
    for (const name of encodingNames) this.#attackers.set(name, new Attacker(node, name));
  }

  static async open(): Promise<Arena> {
    const node = await new TestNode({ clock: new VirtualClock(startUs), settings }).start();
    await node.apply(rules);
    const bystander = new TestAgent(node.clock, {
      id: "bystander",
      type: "bystander",
      actions: ["work"],
      answers: true,
    });
    await bystander.join(node);
    assert.ok(bystander.welcome !== undefined, "the bystander was not welcomed");
    return new Arena(node, bystander);
  }

  /** Sends one input and lets its consequences happen. @throws what the node threw, or an assertion */
  attack(input: Input): void {
    const attacker = this.#attackers.get(input.encoding);
    assert.ok(attacker !== undefined);
    const { counters } = this.#node.arc.sessions;
    const [expelled, refused] = [sumOf(counters.expelled), sumOf(counters.refused)];
    attacker.send(input);
    this.#node.clock.advance(stepUs);
    const newlyExpelled = sumOf(counters.expelled) - expelled;
    const newlyRefused = sumOf(counters.refused) - refused;
    this.counters.expelled += newlyExpelled;
    this.counters.refused += newlyRefused;
    if (newlyExpelled + newlyRefused === 0) this.counters.survived += 1;
    attacker.assertAnswered();
    assert.deepEqual(this.#bystander.goodbyes, [], "the bystander was sent away");
    assert.equal(this.#bystander.ended, undefined, "the bystander lost its connection");
  }

  /** A sample of the bystander fires a rule, and the instruction comes back and is accounted. */
  async check(): Promise<void> {
    const { clock, arc, notices, store } = this.#node;
    const { received } = this.#bystander;
    this.#bystander.report({ probe: 1 });
    await clock.run(stepUs);
    assert.equal(received.length, 1, "the bystander's sample brought no instruction");
    this.#bystander.report({ probe: 0 });
    await clock.run(settledWithinUs);
    const id = received[0]?.id;
    const ended = this.#node.ended.find((document) => document.id === id);
    assert.equal(ended?.status, "executed", "the bystander's instruction was not accounted");
    assert.equal(this.#bystander.outcomes.size, 0, "the bystander's outcome was not settled");
    received.length = 0;
    for (const notice of notices)
      assert.ok(notice.kind !== "store-error", "the attack reached the store");
    notices.length = 0;
    store.disk.ledger.clear();
    assert.ok(arc.dispatch.openCount <= settings.maxOpenInstructions);
    assert.ok(arc.registry.size <= settings.maxAgents);
  }
}

/** Sends inputs in one encoding, each in a session; begins another when it has lost one. */
class Attacker {
  readonly #node: TestNode;
  readonly #encoding: Encoding;
  readonly #preamble: Uint8Array;
  readonly #faults: string[] = [];
  #channel: Channel | undefined;
  #isGreeted = false;
  #sent = 0;

  constructor(node: TestNode, encoding: EncodingName) {
    this.#node = node;
    this.#encoding = encodingNamed(encoding);
    this.#preamble = this.#encoding.encode(preamble());
  }

  send({ bytes, isFirst }: Input): void {
    if (isFirst || ++this.#sent > framesPerSession) this.#leave();
    const channel = (this.#channel ??= this.#dial());
    if (!isFirst && !this.#isGreeted) channel.send(this.#preamble);
    this.#isGreeted = true;
    channel.send(bytes);
  }

  /** Fails when the node has answered by anything but the codes of the catalogue, or by a fault of its own. */
  assertAnswered(): void {
    assert.deepEqual(this.#faults, []);
  }

  #leave(): void {
    this.#channel?.destroy();
    this.#forget();
  }

  #forget(): void {
    this.#channel = undefined;
    this.#isGreeted = false;
    this.#sent = 0;
  }

  #dial(): Channel {
    const { transport, clock } = this.#node;
    const channel: Channel = transport.dial(
      transport.url,
      {
        onFrame: (frame) => this.#onFrame(frame, clock.nowUs()),
        onEnd: () => {
          if (this.#channel === channel) this.#forget();
        },
      },
      { maxFrameBytes: 4 << 20, encoding: this.#encoding.name },
    );
    return channel;
  }

  #onFrame(frame: Uint8Array, nowUs: number): void {
    this.#encoding.read(
      frame,
      {
        onGoodbye: ({ code, message }) => {
          if (code !== "" && (!isErrorCode(code) || code === "INTERNAL"))
            this.#faults.push(`${code}: ${message}`);
        },
      },
      nowUs,
    );
  }
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
