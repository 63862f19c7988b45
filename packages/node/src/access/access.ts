/**
 * Who may do what. One secret admits agents and callers; without one only this machine is admitted.
 *
 * Invariant: a node that listens beyond loopback requires a token; it refuses to start otherwise.
 */
import { MyelinError } from "@myelin/core/errors";
import { hashSecret, isEqualHash } from "@myelin/core/secret";

const bearerForm = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i;

/** Names the one who acts, in instructions and records. */
export type Actor = string;

export class Access {
  readonly #tokenHash: Uint8Array | undefined;

  /** `token` undefined: everybody who reaches the node is admitted. */
  constructor(token: string | undefined) {
    this.#tokenHash = token === undefined ? undefined : hashSecret(token);
  }

  get requiresToken(): boolean {
    return this.#tokenHash !== undefined;
  }

  /**
   * Admits the bearer of a token.
   * @throws MyelinError UNAUTHENTICATED
   */
  admit(token: string | undefined): Actor {
    if (this.#tokenHash === undefined) return "local";
    if (token === undefined || token === "")
      throw new MyelinError("UNAUTHENTICATED", "this node asks for a token, and none was given");
    if (!isEqualHash(hashSecret(token), this.#tokenHash))
      throw new MyelinError("UNAUTHENTICATED", "the token is not valid here");
    return "token";
  }

  /** The token of an Authorization header. */
  static tokenOf(authorization: string | undefined): string | undefined {
    return authorization === undefined ? undefined : bearerForm.exec(authorization)?.[1];
  }
}

/** @throws MyelinError AUTHENTICATION_REQUIRED for a listener beyond loopback without a token */
export function assertGuarded(host: string, token: string | undefined): void {
  if (isLoopbackHost(host) || token !== undefined) return;
  throw new MyelinError(
    "AUTHENTICATION_REQUIRED",
    `a node that listens on ${host} can be reached from other machines, so it needs a token`,
  );
}

/** True for names and addresses that only this machine can reach. */
export function isLoopbackHost(host: string): boolean {
  return (
    host === "localhost" || host === "::1" || host === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(host)
  );
}
