/**
 * Looks at what is under way to parts that are there: what has room leaves, and what a new connection
 * finds sent over an earlier one leaves again.
 */
import type { SimNode } from "../node/sim-node.ts";
import type { Judge } from "./judge.ts";

/** Looks in a row that show an instruction waiting beside a free place: by then no write of a recipient excuses it. */
const looksInRow = 6;

export class DeliveryWatch {
  readonly #node: SimNode;
  readonly #judge: Judge;
  readonly #maxOutstanding: number;
  /** How many looks in a row have found an instruction waiting beside a free place, by its id. */
  #waiting = new Map<string, number>();

  constructor(node: SimNode, judge: Judge, maxOutstanding: number) {
    this.#node = node;
    this.#judge = judge;
    this.#maxOutstanding = maxOutstanding;
  }

  look(nowUs: number): void {
    const before = this.#waiting;
    this.#waiting = new Map();
    const run = this.#node.serving;
    if (run === undefined || run.process.isHeld || run.arc.isDraining) return;
    const { dispatch, sessions } = run.arc;
    // A recipient that the disk did not take is written again after a while.
    const isDiskWell = !this.#judge.troubles.touches("disk", nowUs, nowUs);
    const openOf = Map.groupBy(dispatch.open(), (instruction) => instruction.agent);
    for (const session of sessions.all()) {
      if (!session.isLive) continue;
      const { agent, part } = session;
      const name = `${agent.id}/${part.name}`;
      const attachedAtUs = this.#node.attachedAtUs.get(name) ?? nowUs;
      const hasRoom = dispatch.outstandingOf(agent.id) < this.#maxOutstanding;
      for (const instruction of openOf.get(agent.id) ?? []) {
        const { id, status, recipient, lastSentAtUs, deadlineUs } = instruction;
        const isRecipient =
          recipient?.part === part.name && recipient.incarnation === part.incarnation;
        if (
          status === "sent" &&
          isRecipient &&
          lastSentAtUs < attachedAtUs &&
          attachedAtUs < deadlineUs &&
          !part.actionsFollow
        )
          this.#judge.breach(
            "what a connection has lost is sent over the next",
            `${id} at ${name}`,
          );
        if (status !== "accepted" || agent.parts.size > 1 || !hasRoom || !isDiskWell) continue;
        const looks = (before.get(id) ?? 0) + 1;
        this.#waiting.set(id, looks);
        if (looks === looksInRow)
          this.#judge.breach("what has room is sent", `${id} waits for ${name}`);
      }
    }
  }
}
