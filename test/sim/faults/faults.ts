/** What goes wrong: each kind by itself, at random moments, until the faults end. */
import type { Clock } from "@myelin/core/clock";
import type { Judge } from "../checks/judge.ts";
import { clocksApart, slowness } from "../checks/troubles.ts";
import { journalTrouble } from "../checks/windows.ts";
import type { SimPart } from "../fleet/sim-part.ts";
import type { Link } from "../network/link.ts";
import type { Departure, Network } from "../network/network.ts";
import { rulesOf } from "../node/rules.ts";
import type { SimNode } from "../node/sim-node.ts";
import { type FaultName, faultNames, type Scenario } from "../scenario.ts";
import { type Dice, diceOf } from "../world/dice.ts";
import type { Trace } from "../world/trace.ts";

/** What faults befall. */
export interface FaultTargets {
  readonly clock: Clock;
  readonly network: Network;
  readonly node: SimNode;
  readonly parts: readonly SimPart[];
  readonly judge: Judge;
  readonly trace: Trace;
  /** Takes down what strikes: kind and number. */
  readonly struck: string[];
}

/** What comes of a trouble may be felt this long: until it is noticed and mended. */
const aftermathUs = 20e6;
/** How long after the disk takes something again the journal of windows may not be written yet. */
const journalAftermathUs = 2.5e6;
const departures: readonly Departure[] = ["close", "reset", "silent"];

type PartFault = "agent-crash" | "agent-leave" | "agent-hang" | "agent-sleep" | "clock-step";

export class Faults {
  readonly #scenario: Scenario;
  readonly #targets: FaultTargets;
  #isOver = false;
  #ruleVariant = 0;

  constructor(scenario: Scenario, targets: FaultTargets) {
    this.#scenario = scenario;
    this.#targets = targets;
  }

  begin(): void {
    for (const name of faultNames) {
      const everyUs = this.#scenario.faultEveryUs.get(name);
      if (everyUs !== undefined)
        this.#repeat(name, everyUs, diceOf(this.#scenario.seed, `fault ${name}`));
    }
  }

  /** Ends all faults, and mends what they have broken. */
  end(): void {
    const { network, node, parts } = this.#targets;
    this.#isOver = true;
    node.disk.isFull = false;
    node.disk.isBroken = false;
    node.disk.syncDelayUs = this.#scenario.syncDelayUs;
    node.crashAtWrite(undefined);
    for (const part of parts) part.goOn();
    node.process?.release();
    network.heal();
    node.start();
    for (const part of parts) part.start();
  }

  /** Each strike has dice of its own, so that one that is left out leaves the others as they are. */
  #repeat(name: FaultName, everyUs: number, dice: Dice, number = 1): void {
    const { seed, strikes } = this.#scenario;
    this.#targets.clock.schedule(dice.wait(everyUs), () => {
      if (this.#isOver) return;
      const strike = `${name}#${number}`;
      if (strikes === undefined || strikes.has(name) || strikes.has(strike)) {
        this.#targets.struck.push(strike);
        this.#strike(name, diceOf(seed, `fault ${strike}`));
      }
      this.#repeat(name, everyUs, dice, number + 1);
    });
  }

  #strike(name: FaultName, dice: Dice): void {
    const { network, node, trace } = this.#targets;
    switch (name) {
      case "cut":
        this.#onLink(dice, (link) => network.cut(link));
        return;
      case "cut-all":
        trace.note("network", "all links are cut");
        for (const link of network.links) {
          this.#trouble(link, 0);
          network.cut(link);
        }
        return;
      case "half-open":
        this.#onLink(dice, (link) =>
          network.halfOpen(link, dice.pick(["agent", "node"]), dice.chance(0.6)),
        );
        return;
      case "stall":
        this.#stall(dice);
        return;
      case "overtake":
        this.#overtake(dice);
        return;
      case "agent-repeat":
        this.#onLink(dice, (link) => network.repeatAnswers(link, dice.wait(2e6), dice));
        return;
      case "refuse":
        network.refuse(true);
        this.#after(dice.wait(1e6), () => network.refuse(false));
        return;
      case "node-crash":
        if (dice.chance(0.5)) this.#crashNode(dice);
        else this.#crashNodeAtWork(dice);
        return;
      case "node-crash-mid-write":
        this.#crashNodeMidWrite(dice);
        return;
      case "node-drain":
        this.#nodeTrouble();
        node.drain(dice.between(0, 2e6));
        this.#restartNode(dice);
        return;
      case "node-hang":
        this.#holdNode(dice);
        return;
      case "disk-full":
        this.#failDisk(dice.wait(2e6), "isFull");
        return;
      case "disk-broken":
        this.#failDisk(dice.wait(1e6), "isBroken");
        return;
      case "disk-slow":
        this.#slowDisk(dice);
        return;
      case "rule-change":
        this.#changeRules();
        return;
      default:
        this.#strikePart(name, dice);
    }
  }

  /** The rules begin anew when the node has them; until then, too, it is not known which are in force. */
  #changeRules(): void {
    const { node, judge } = this.#targets;
    judge.firings.begunAnew();
    void node
      .call("POST", "/api/v1/rules", rulesOf(++this.#ruleVariant, this.#scenario))
      ?.then(({ status }) => (status === 200 ? judge.inForce() : judge.firings.begunAnew()));
  }

  #strikePart(name: PartFault, dice: Dice): void {
    const { judge, trace, parts, clock } = this.#targets;
    const part = dice.pick(parts);
    const lastsUs = dice.wait(1.5e6);
    const nowUs = clock.nowUs();
    judge.troubles.add(part.name, nowUs, nowUs + lastsUs + aftermathUs);
    switch (name) {
      case "agent-crash":
        part.crash(dice.pick(departures));
        this.#after(lastsUs, () => part.start());
        return;
      case "agent-leave":
        part.leave();
        this.#after(2e6 + lastsUs, () => part.start());
        return;
      case "agent-hang": {
        trace.note(part.name, `hangs for ${(lastsUs / 1e6).toFixed(3)} s`);
        part.hang();
        judge.troubles.add(slowness(part.name), nowUs, nowUs + lastsUs);
        this.#after(lastsUs, () => part.goOn());
        return;
      }
      case "agent-sleep":
        this.#sleep(part, lastsUs);
        return;
      case "clock-step": {
        const byUs = Math.round(dice.between(-1, 1) * dice.pick([2e6, 2e7]));
        trace.note(part.name, `its clock steps by ${(byUs / 1e6).toFixed(3)} s`);
        part.machine.step(byUs);
        judge.telemetry.stepped(part.name);
        judge.troubles.add(clocksApart(part.name), nowUs, nowUs + aftermathUs);
        // The next greeting is then the first to tell of the step.
        if (part.process !== undefined && dice.chance(0.5))
          for (const link of this.#targets.network.linksOf(part.process, "agent"))
            this.#targets.network.cut(link);
      }
    }
  }

  #stall(dice: Dice): void {
    const lastsUs = dice.wait(2e6);
    this.#onLink(dice, (link) => this.#targets.network.stall(link, lastsUs), lastsUs);
  }

  /** What a link carries to the node arrives only after the agent, which was told of its end, is back over another. */
  #overtake(dice: Dice): void {
    const [stallsUs, lastsUs] = [dice.between(0, 500_000), dice.between(50_000, 900_000)];
    const strike = (link: Link): void => this.#targets.network.overtake(link, stallsUs, lastsUs);
    this.#onLink(dice, strike, stallsUs + lastsUs);
  }

  /** The machine of a part sleeps: what runs on it stands still, and so does the clock that never goes back. */
  #sleep(part: SimPart, lastsUs: number): void {
    const { trace, clock, judge } = this.#targets;
    // Less than a second apart, an agent takes its two clocks for one.
    const sleepsUs = 1.2e6 + Math.min(lastsUs, 10e6);
    if (!part.sleep()) return;
    trace.note(part.name, `its machine sleeps for ${(sleepsUs / 1e6).toFixed(3)} s`);
    const wakesAtUs = clock.nowUs() + sleepsUs;
    judge.troubles.add(slowness(part.name), clock.nowUs(), wakesAtUs);
    judge.troubles.add(clocksApart(part.name), clock.nowUs(), wakesAtUs + aftermathUs);
    clock.schedule(sleepsUs, () => part.wake());
  }

  #onLink(dice: Dice, strike: (link: Link) => void, lastsUs = 0): void {
    const { links } = this.#targets.network;
    if (links.length === 0) return;
    const link = dice.pick(links);
    this.#trouble(link, lastsUs);
    strike(link);
  }

  #trouble(link: Link, lastsUs: number): void {
    const { judge, clock } = this.#targets;
    const part = link.processOf("agent")?.name ?? "";
    const nowUs = clock.nowUs();
    judge.troubles.add(part, nowUs, nowUs + lastsUs + aftermathUs);
    if (lastsUs > 0) judge.troubles.add(slowness(part), nowUs, nowUs + lastsUs);
  }

  #nodeTrouble(): void {
    const { judge, clock } = this.#targets;
    judge.troubles.add("node", clock.nowUs(), clock.nowUs() + aftermathUs);
  }

  #diskTrouble(lastsUs: number): void {
    const { judge, clock } = this.#targets;
    const [fromUs, untilUs] = [clock.nowUs(), clock.nowUs() + lastsUs];
    judge.troubles.add("disk", fromUs, untilUs + aftermathUs);
    judge.troubles.add(journalTrouble, fromUs, untilUs + journalAftermathUs);
  }

  #failDisk(lastsUs: number, fault: "isFull" | "isBroken"): void {
    const { node, trace } = this.#targets;
    trace.note("disk", fault);
    node.disk[fault] = true;
    this.#diskTrouble(lastsUs);
    this.#after(lastsUs, () => {
      node.disk[fault] = false;
    });
  }

  #crashNode(dice: Dice): void {
    this.#nodeTrouble();
    this.#targets.node.kill(dice.pick(departures));
    this.#restartNode(dice);
  }

  /** Kills the node between two writes of one group: what the disk had taken is there, and nobody was told. */
  #crashNodeMidWrite(dice: Dice): void {
    const { node } = this.#targets;
    const departure = dice.pick(departures);
    node.crashAtWrite(dice.integer(1, 12), () => {
      this.#nodeTrouble();
      node.kill(departure);
      this.#restartNode(dice);
    });
  }

  /** Each group of writes takes long to be safe. */
  #slowDisk(dice: Dice): void {
    const { node, trace } = this.#targets;
    const lastsUs = dice.wait(2e6);
    const delayUs = dice.between(50_000, 800_000);
    trace.note("disk", `takes ${(delayUs / 1e6).toFixed(3)} s for a group`);
    node.disk.syncDelayUs = delayUs;
    this.#diskTrouble(lastsUs + delayUs);
    this.#after(lastsUs, () => {
      node.disk.syncDelayUs = this.#scenario.syncDelayUs;
    });
  }

  /** Kills the node just after an agent has begun what a rule decided: of its outcome the node may not have heard. */
  #crashNodeAtWork(dice: Dice): void {
    this.#targets.judge.whenRuleActs(() =>
      this.#after(dice.wait(50_000), () => this.#crashNode(dice)),
    );
  }

  #restartNode(dice: Dice): void {
    this.#after(dice.wait(1e6), () => this.#targets.node.start());
  }

  #holdNode(dice: Dice): void {
    const { node, trace } = this.#targets;
    const { process } = node;
    const lastsUs = dice.wait(1e6);
    this.#nodeTrouble();
    const nowUs = this.#targets.clock.nowUs();
    this.#targets.judge.troubles.add(slowness("node"), nowUs, nowUs + lastsUs);
    trace.note("node", `hangs for ${(lastsUs / 1e6).toFixed(3)} s`);
    process?.hold();
    this.#after(lastsUs, () => process?.release());
  }

  /** Does something later, unless the faults have ended by then: `end` has done it. */
  #after(delayUs: number, mend: () => void): void {
    this.#targets.clock.schedule(delayUs, () => {
      if (!this.#isOver) mend();
    });
  }
}
