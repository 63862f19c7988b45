/**
 * Who may do what. The token that a node was started with is an operator's; the tokens of its book
 * have a role each. Where there is no token at all, only this machine is admitted.
 *
 * Invariants
 * 1. A node that listens beyond loopback requires a token; it refuses to start without any.
 * 2. Once a token is kept that was not revoked, everybody needs one; its expiry opens nothing.
 * 3. The bearer of an agent's token is no caller of the API, and an agent of its pattern only.
 */
import { MyelinError } from "@myelin/core/errors";
import { hashSecret, isEqualHash } from "@myelin/core/secret";
import type { Role, TokenRecord } from "../ports/access-records.ts";
import { assertGuarded, isLoopbackHost } from "./loopback.ts";
import { matchesAgent } from "./token.ts";
import type { TokenBook } from "./token-book.ts";

const bearerForm = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i;

/** Names the one who acts, in instructions and records: `local`, `token`, `token:NAME`, or `anyone` for the unknown. */
export type Actor = string;

/** One who was admitted. */
export interface Caller {
  readonly actor: Actor;
  readonly role: Role;
  /** Id of the token of the book that admitted it; undefined for the node's own and for `local`. */
  readonly tokenId: string | undefined;
  /** Pattern of the agents that the bearer may be; of the role `agent`. */
  readonly agents: string | undefined;
}

export interface AccessOptions {
  /** The token that the node was started with. */
  readonly token?: string;
  readonly tokens: TokenBook | undefined;
  /** The addresses that the node listens on. */
  readonly hosts: readonly string[];
}

const operator = { role: "operator", tokenId: undefined, agents: undefined } as const;
const local: Caller = { actor: "local", ...operator };
const bootstrap: Caller = { actor: "token", ...operator };

export class Access {
  readonly tokens: TokenBook | undefined;
  readonly #tokenHash: Uint8Array | undefined;
  readonly #hosts: readonly string[];

  /** @throws MyelinError INVALID_ARGUMENT for an empty token */
  constructor({ token, tokens, hosts }: AccessOptions) {
    Access.assertToken(token);
    this.tokens = tokens;
    this.#tokenHash = token === undefined ? undefined : hashSecret(token);
    this.#hosts = hosts;
  }

  /** @throws MyelinError INVALID_ARGUMENT for an empty token, which would guard nothing */
  static assertToken(token: string | undefined): void {
    if (token !== "") return;
    throw new MyelinError("INVALID_ARGUMENT", "the token is empty", {
      hint: "Give a secret of some length, or leave --token and MYELIN_TOKEN out.",
    });
  }

  /** To be called before it listens. @throws MyelinError AUTHENTICATION_REQUIRED */
  assertGuarded(): void {
    const hasToken = this.#tokenHash !== undefined || this.tokens?.hasValid() === true;
    for (const host of this.#hosts) assertGuarded(host, hasToken);
  }

  get requiresToken(): boolean {
    return (
      this.#tokenHash !== undefined ||
      this.tokens?.isInUse === true ||
      !this.#hosts.every(isLoopbackHost)
    );
  }

  /**
   * Admits the bearer of a token.
   * @throws MyelinError UNAUTHENTICATED
   */
  admit(token: string | undefined): Caller {
    if (token === undefined || token === "") return this.#admitNobody();
    if (this.#tokenHash !== undefined && isEqualHash(hashSecret(token), this.#tokenHash))
      return bootstrap;
    if (!this.requiresToken) return local;
    if (this.tokens !== undefined) return callerOf(this.tokens.admit(token));
    throw new MyelinError("UNAUTHENTICATED", "the token is not valid here");
  }

  /** Names the bearer of a token, admitted or not: one that has ended still tells whose it was. */
  nameOf(token: string | undefined): Actor {
    const known = token === undefined ? undefined : this.tokens?.recognize(token);
    if (known !== undefined) return actorOf(known);
    try {
      return this.admit(token).actor;
    } catch {
      return "anyone";
    }
  }

  /**
   * Admits the bearer of a token as an agent.
   * @throws MyelinError UNAUTHENTICATED, PERMISSION_DENIED
   */
  admitAgent(token: string | undefined, agentId: string): Caller {
    const caller = this.admit(token);
    if (caller.role === "operator") return caller;
    if (caller.role === "reader") {
      throw new MyelinError("PERMISSION_DENIED", `${caller.actor} may read, and be no agent`, {
        hint: "Give the agent a token of the role agent (myelin token create --role agent).",
      });
    }
    const { agents = "" } = caller;
    if (matchesAgent(agents, agentId)) return caller;
    throw new MyelinError(
      "PERMISSION_DENIED",
      `${caller.actor} may not be the agent ${JSON.stringify(agentId.slice(0, 128))}`,
      { hint: `Its agents are ${agents}: use such an id, or a token made for this one.` },
    );
  }

  /** @throws MyelinError PERMISSION_DENIED for a caller whose role is not enough */
  static requireRole({ actor, role }: Caller, needed: "operator" | "reader"): void {
    if (role === "operator" || role === needed) return;
    throw new MyelinError(
      "PERMISSION_DENIED",
      `${actor} has the role ${role}, which may not do this`,
      {
        hint: `Use a token of the role ${needed === "reader" ? "reader or operator" : "operator"}.`,
      },
    );
  }

  /** Refuses a token that would shut out every operator. @throws MyelinError CONFLICT */
  assertMayCreate(role: Role): void {
    if (role === "operator" || this.#tokenHash !== undefined) return;
    if (this.tokens?.hasValid("operator") !== true) throw noOperatorLeft();
  }

  /** Refuses to revoke the last token by which an operator comes in. @throws MyelinError CONFLICT */
  assertMayRevoke(token: TokenRecord): void {
    if (this.#tokenHash !== undefined || token.role !== "operator") return;
    const others = this.tokens?.list().filter(({ id }) => id !== token.id) ?? [];
    if (this.tokens?.hasValid("operator", token.id) === true) return;
    const isLast = others.every(({ revokedAtUs }) => revokedAtUs !== undefined);
    if (!isLast || !this.#hosts.every(isLoopbackHost)) throw noOperatorLeft();
  }

  /** The token of an Authorization header. */
  static tokenOf(authorization: string | undefined): string | undefined {
    return authorization === undefined ? undefined : bearerForm.exec(authorization)?.[1];
  }

  #admitNobody(): Caller {
    if (!this.requiresToken) return local;
    throw new MyelinError("UNAUTHENTICATED", "this node asks for a token, and none was given");
  }
}

function noOperatorLeft(): MyelinError {
  return new MyelinError("CONFLICT", "no operator would be left who can use this node", {
    hint: "Create a token of the role operator first (myelin token create --role operator).",
  });
}

function callerOf(token: TokenRecord): Caller {
  const { id, role, agents } = token;
  return { actor: actorOf(token), role, tokenId: id, agents };
}

function actorOf({ name }: TokenRecord): Actor {
  return `token:${name}`;
}
