/**
 * Admits parts by their hello: anew, again after a broken connection, or in place of another session.
 *
 * Invariants
 * 1. A hello that is refused leaves nothing behind: no session, no slot, no change of who is attached.
 * 2. A welcome is the first that a session sends over a connection.
 * 3. Who was taken over does not take over in turn.
 * 4. A hello that was overtaken on its way, by that of a later life, takes nothing over.
 */
import { MyelinError } from "@myelin/core/errors";
import { parseSessionId } from "@myelin/core/ids";
import { type Random, randomName } from "@myelin/core/random";
import {
  type ColumnForm,
  columnForms,
  encodingNamed,
  type Goodbye,
  type Hello,
  type Welcome,
} from "@myelin/core/wire";
import type { PeerInfo } from "../ports/transport.ts";
import type { Admission, Registry } from "../registry/index.ts";
import { goodbyeOf } from "./goodbye.ts";
import type { OpenIntake, SessionIntake } from "./intake.ts";
import type { SessionListener } from "./listener.ts";
import {
  type Carrier,
  PartSession,
  type SessionGround,
  type SessionOutbox,
} from "./part-session.ts";
import { isSamePart, type SessionTable } from "./session-table.ts";
import type { NodeIdentity, SessionSettings } from "./settings.ts";

export interface ReceptionOptions {
  readonly random: Random;
  readonly settings: SessionSettings;
  readonly node: NodeIdentity;
  readonly registry: Registry;
  readonly openIntake: OpenIntake;
  /**
   * Admits or refuses a peer before anything else; gives the id of the token that admitted it.
   * @throws MyelinError UNAUTHENTICATED, PERMISSION_DENIED, NODE_DRAINING
   */
  readonly authorize: (hello: Hello, peer: PeerInfo) => string | undefined;
  /** Address of the lane that the agent belongs to, when that is another one; undefined for an agent of this lane. */
  readonly elsewhere?: (hello: Hello, peer: PeerInfo) => string | undefined;
  readonly listener: SessionListener;
}

/** A connection that greets, or that greets again. */
export interface Greeter extends Carrier {
  readonly peer: PeerInfo;
  /** The session it carries already. */
  readonly session: PartSession | undefined;
  /** Carries the session from now on. */
  carry(session: PartSession): void;
  /** Welcomes the part to where it belongs, and carries nothing. */
  sendOn(welcome: Welcome, goodbye: Goodbye): void;
}

/** What a reception works on. */
interface Surroundings {
  readonly table: SessionTable;
  readonly outbox: SessionOutbox;
  readonly counters: { takenOver: number; sentOn: number };
  readonly nowUs: () => number;
}

/** A heartbeat that is this many intervals overdue means that the part does not answer. */
const hungAfterIntervals = 1.5;
/** For so long after a hello an earlier one may still arrive. */
const helloUnderwayUs = 5e6;

export class Reception {
  readonly #options: ReceptionOptions;
  readonly #table: SessionTable;
  readonly #surroundings: Surroundings;
  readonly #ground: SessionGround;

  constructor(options: ReceptionOptions, surroundings: Surroundings) {
    this.#options = options;
    this.#table = surroundings.table;
    this.#surroundings = surroundings;
    const { heartbeatIntervalUs, outboundFrameBytes, softOutboundBytes } = options.settings;
    this.#ground = {
      hungAfterUs: heartbeatIntervalUs * hungAfterIntervals,
      outboundFrameBytes,
      softOutboundBytes,
      outbox: surroundings.outbox,
    };
  }

  /** Admits a hello and has the connection carry the session. @throws MyelinError */
  admit(greeter: Greeter, hello: Hello, receivedAtUs: number): void {
    if (hello.protocolVersion !== 1) {
      throw new MyelinError(
        "UNSUPPORTED_VERSION",
        `protocol version ${hello.protocolVersion} is not spoken here; version 1 is`,
      );
    }
    const { session } = greeter;
    if (session === undefined) this.#join(greeter, hello, receivedAtUs);
    else this.#update(session, hello, receivedAtUs);
  }

  /** A first hello: joins anew, or goes on with the session it names. */
  #join(greeter: Greeter, hello: Hello, nowUs: number): void {
    const { registry, listener, authorize, elsewhere } = this.#options;
    const tokenId = authorize(hello, greeter.peer);
    const redirectUrl = elsewhere?.(hello, greeter.peer);
    if (redirectUrl !== undefined) {
      this.#sendOn(greeter, hello, nowUs, redirectUrl);
      return;
    }
    if (hello.resume !== undefined && this.#table.wasReplaced(hello.resume)) {
      throw new MyelinError(
        "TAKEN_OVER",
        `another session of agent ${hello.agentId}, part ${hello.part}, has taken over`,
      );
    }
    const resumed = this.#table.resumable(hello);
    if (resumed === undefined) {
      this.#requireNewest(hello, nowUs);
      this.#requireRoom(hello);
    }
    const isStep = resumed !== undefined && resumed.part.timeLine !== hello.timeLine;
    const admission = registry.admit(hello, nowUs);
    const session = resumed ?? this.#open(admission, greeter, nowUs);
    if (resumed !== undefined) attach(resumed, greeter, nowUs);
    session.tokenId = tokenId;
    session.greetedAtUs = hello.sentAtUs;
    greeter.carry(session);
    learnOffset(session, hello, nowUs, isStep);
    const isResumed = resumed !== undefined;
    this.#welcome(session, hello, nowUs, isResumed);
    const { isNewIncarnation } = admission;
    const isOpening = !session.part.actionsFollow;
    const how = { isResumed, isNewIncarnation, isFurther: false, isOpening };
    listener.onAttached(session, how, hello.outcomes);
  }

  /** A further hello of a live session: the part has other actions or labels. */
  #update(session: PartSession, hello: Hello, nowUs: number): void {
    if (!isSamePart(session, hello)) {
      throw new MyelinError(
        "PROTOCOL_ERROR",
        `this connection is that of agent ${session.agent.id}, part ${session.part.name}, and of one life of it`,
      );
    }
    const { timeLine, actionsFollow } = session.part;
    this.#options.registry.admit(hello, nowUs);
    learnOffset(session, hello, nowUs, timeLine !== hello.timeLine);
    this.#welcome(session, hello, nowUs, true);
    if (hello.outcomes.length === 0 && !actionsFollow) return;
    const isOpening = actionsFollow && !session.part.actionsFollow;
    const how = { isResumed: true, isNewIncarnation: false, isFurther: true, isOpening };
    this.#options.listener.onAttached(session, how, hello.outcomes);
  }

  /**
   * The hello of a life that ended meanwhile may come after that of the next, whose session would be sent away for good.
   * Who is refused and lives, on another machine perhaps, comes again and takes over then.
   */
  #requireNewest(hello: Hello, nowUs: number): void {
    const former = this.#table.former(hello);
    if (former === undefined || nowUs - former.joinedAtUs > helloUnderwayUs) return;
    if (!(hello.sentAtUs < former.greetedAtUs)) return;
    throw new MyelinError(
      "UNAVAILABLE",
      `agent ${hello.agentId}, part ${hello.part}, has greeted since this hello was sent`,
    );
  }

  #requireRoom(hello: Hello): void {
    const { size } = this.#table;
    if (size < this.#options.settings.maxSessions || this.#table.former(hello) !== undefined)
      return;
    throw new MyelinError(
      "RESOURCE_EXHAUSTED",
      `the node already has ${size} sessions, which is the limit maxSessions`,
    );
  }

  #open(admission: Admission, carrier: Greeter, nowUs: number): PartSession {
    const { registry, openIntake } = this.#options;
    const { agent, part } = admission;
    let intake: SessionIntake;
    try {
      intake = openIntake(agent, part);
    } catch (error) {
      if (this.#table.of(agent.id).size === 0) registry.leave(agent, nowUs);
      throw error;
    }
    const session = this.#sessionOf(admission, intake, carrier, nowUs);
    const former = this.#table.of(agent.id).get(part.name);
    if (former !== undefined) this.#takeOver(former);
    this.#table.add(session);
    if (former === undefined) return session;
    // The same life still vouches for the parts that it holds; a new one has not said so.
    if (admission.isNewIncarnation) this.#table.letGo(former, nowUs);
    else for (const held of former.held) session.hold(held, held.hold);
    return session;
  }

  #sessionOf(
    { agent, part }: Admission,
    intake: SessionIntake,
    carrier: Greeter,
    nowUs: number,
  ): PartSession {
    const { random } = this.#options;
    return new PartSession({
      id: parseSessionId(randomName(random, 22)),
      resumeToken: randomName(random, 32),
      agent,
      part,
      intake,
      carrier,
      nowUs,
      ground: this.#ground,
    });
  }

  #takeOver(former: PartSession): void {
    this.#surroundings.counters.takenOver++;
    this.#table.replaced(former);
    const error = new MyelinError(
      "TAKEN_OVER",
      `a newer session of agent ${former.agent.id}, part ${former.part.name}, has taken over`,
    );
    const { state } = former;
    if (state.kind === "live") state.carrier.dismiss(goodbyeOf(error, false));
    this.#table.remove(former);
    this.#options.listener.onDetached(former, { code: error.code, reason: error.message });
  }

  /** Who does not know the address in a welcome reads it in the goodbye, and comes again in vain but unharmed. */
  #sendOn(greeter: Greeter, hello: Hello, receivedAtUs: number, redirectUrl: string): void {
    this.#surroundings.counters.sentOn++;
    const nobody = { sessionId: "", resumeToken: "", isResumed: false };
    const nothing = { telemetrySequence: 0, metricNamesKnown: 0, columnForms: [] };
    const common = this.#commonWelcome(hello, receivedAtUs);
    const message = `agent ${hello.agentId} belongs to ${redirectUrl}`;
    greeter.sendOn(
      { ...common, ...nobody, ...nothing, redirectUrl },
      { code: "UNAVAILABLE", message, canResume: true, isFinal: false },
    );
  }

  #welcome(session: PartSession, hello: Hello, receivedAtUs: number, isResumed: boolean): void {
    const common = this.#commonWelcome(hello, receivedAtUs);
    session.sendWelcome({
      ...common,
      sessionId: session.id,
      resumeToken: session.resumeToken,
      isResumed,
      telemetrySequence: session.confirmedSequence,
      metricNamesKnown: session.intake.metricNamesKnown,
      redirectUrl: "",
      columnForms: formsReadFrom(session),
    });
    session.sendPing(common.sentAtUs);
  }

  /** What a welcome says of the node, and of time. */
  #commonWelcome(
    hello: Hello,
    receivedAtUs: number,
  ): Pick<
    Welcome,
    | "heartbeatIntervalMs"
    | "resumeWindowMs"
    | "limits"
    | "nodeId"
    | "nodeTier"
    | "nodeVersion"
    | "helloSentAtUs"
    | "helloReceivedAtUs"
    | "sentAtUs"
  > {
    const { node, settings } = this.#options;
    return {
      heartbeatIntervalMs: settings.heartbeatIntervalUs / 1000,
      resumeWindowMs: settings.resumeWindowUs / 1000,
      limits: {
        maxFrameBytes: settings.maxFrameBytes,
        maxMetrics: settings.maxMetrics,
        maxOutstandingInstructions: settings.maxOutstanding,
      },
      nodeId: node.id,
      nodeTier: node.tier,
      nodeVersion: node.version,
      helloSentAtUs: hello.sentAtUs,
      helloReceivedAtUs: receivedAtUs,
      sentAtUs: this.#surroundings.nowUs(),
    };
  }
}

/** A broken connection's session goes on over a new one, or over a second while the first is half open. */
function attach(session: PartSession, carrier: Carrier, nowUs: number): void {
  const { state } = session;
  if (state.kind === "live") {
    state.carrier.release();
    state.carrier.channel.destroy();
  }
  session.lastHeardUs = nowUs;
  session.setState({ kind: "live", carrier });
}

/** Forms of packed samples that the session's peer may use; none where frames are text, to be read by people. */
function formsReadFrom({ state }: PartSession): readonly ColumnForm[] {
  const encoding = state.kind === "live" ? state.carrier.channel.encoding : undefined;
  return encodingNamed(encoding).isText ? [] : columnForms;
}

/** A hello tells the agent's clock too; after a step all that was known of it is void. */
function learnOffset(
  session: PartSession,
  hello: Hello,
  arrivedAtUs: number,
  isStep: boolean,
): void {
  session.peerTime.observe(hello.sentAtUs, arrivedAtUs);
  if (isStep) session.peerTime.reset();
}
