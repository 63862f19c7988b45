import { FewMap, type ReadonlyFew } from "../few/index.ts";
import type { AgentId, PartName, SessionId } from "@myelin/core/ids";
import { hashSecret, isEqualHash } from "@myelin/core/secret";
import type { Hello, Resume } from "@myelin/core/wire";
import type { Part } from "../registry/index.ts";
import type { PartSession } from "./part-session.ts";

const noSessions: ReadonlyFew<PartName, PartSession> = new FewMap();
/** Most replaced sessions that are remembered. */
const maxRemembered = 10_000;

/** The sessions of the node by id, and by agent and part: at most one of each part. */
export class SessionTable {
  readonly #byId = new Map<string, PartSession>();
  readonly #byAgent = new Map<string, FewMap<PartName, PartSession>>();
  /** Resume tokens of sessions that another took over, by id: who held one must not take over in turn. Bounded, oldest out. */
  readonly #replaced = new Map<SessionId, string>();

  get size(): number {
    return this.#byId.size;
  }

  all(): IterableIterator<PartSession> {
    return this.#byId.values();
  }

  /** The sessions of each agent that has any. */
  agents(): IterableIterator<ReadonlyFew<PartName, PartSession>> {
    return this.#byAgent.values();
  }

  /** The sessions of an agent by part. */
  of(agent: AgentId): ReadonlyFew<PartName, PartSession> {
    return this.#byAgent.get(agent) ?? noSessions;
  }

  /** The present session of the part that a hello speaks of. */
  former(hello: Hello): PartSession | undefined {
    return this.#byAgent.get(hello.agentId)?.get(hello.part as PartName);
  }

  /** The session that a hello asks to go on with, if it is its own. */
  resumable(hello: Hello): PartSession | undefined {
    const { resume } = hello;
    if (resume === undefined) return undefined;
    const session = this.#byId.get(resume.sessionId);
    if (session === undefined || !isEqualSecret(session.resumeToken, resume.resumeToken))
      return undefined;
    return isSamePart(session, hello) ? session : undefined;
  }

  add(session: PartSession): void {
    this.#byId.set(session.id, session);
    let parts = this.#byAgent.get(session.agent.id);
    if (parts === undefined) {
      parts = new FewMap();
      this.#byAgent.set(session.agent.id, parts);
    }
    parts.set(session.part.name, session);
  }

  /** The session is over. */
  remove(session: PartSession): void {
    session.setState({ kind: "ended" });
    this.#byId.delete(session.id);
    const parts = this.#byAgent.get(session.agent.id);
    parts?.delete(session.part.name);
    if (parts?.size === 0) this.#byAgent.delete(session.agent.id);
  }

  /** A part is not held still any more; until now it could not be heard. */
  letRun(by: PartSession, part: Part, nowUs: number): void {
    by.hold(part, "running");
    const session = this.of(by.agent.id).get(part.name);
    if (session !== undefined) session.lastHeardUs = nowUs;
  }

  /** Nobody vouches any more for the parts that a session held still. */
  letGo(session: PartSession, nowUs: number): void {
    for (const part of session.held) this.letRun(session, part, nowUs);
  }

  /** Remembers that another session took over this one. */
  replaced(session: Pick<PartSession, "id" | "resumeToken">): void {
    this.#replaced.set(session.id, session.resumeToken);
    if (this.#replaced.size <= maxRemembered) return;
    for (const oldest of this.#replaced.keys()) {
      this.#replaced.delete(oldest);
      return;
    }
  }

  /** True when the session was taken over by another. */
  wasReplaced({ sessionId, resumeToken }: Resume): boolean {
    const token = this.#replaced.get(sessionId as SessionId);
    return token !== undefined && isEqualSecret(token, resumeToken);
  }
}

/** True when a hello speaks for the very life of the part that the session belongs to. */
export function isSamePart({ agent, part }: PartSession, hello: Hello): boolean {
  return (
    agent.id === hello.agentId && part.name === hello.part && part.incarnation === hello.incarnation
  );
}

function isEqualSecret(a: string, b: string): boolean {
  return isEqualHash(hashSecret(a), hashSecret(b));
}
