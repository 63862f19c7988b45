/**
 * The tokens of a node: made, kept, expired and revoked.
 *
 * Invariants
 * 1. The secret is known to its caller only: what is kept is its hash.
 * 2. A token is made, and revoked, when that is on disk.
 * 3. From the instant at which a token is revoked or expires it admits nobody, and who watches it is told.
 * 4. An expiry is told once, by the node that is there first; again only by one that follows a kill in that instant.
 * 5. A store has at most `maxTokens`; to make room the one that ended first is forgotten.
 */
import type { Clock, Timer } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import type { Random } from "@myelin/core/random";
import { isEqualHash } from "@myelin/core/secret";
import type { Role, TokenRecord } from "../ports/access-records.ts";
import { defaultStorageBounds } from "../ports/bounds.ts";
import type { Store } from "../ports/store.ts";
import { endOfToken, hashOfTokenText, idOfTokenText, newTokenText } from "./token.ts";

export interface TokenBookOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Pick<Store, "saveTokens" | "deleteTokens">;
  /** Most tokens kept; the default holds where it is not given. */
  readonly maxTokens?: number;
  /** A write that nobody waits for has failed. */
  readonly onStoreError: (error: MyelinError) => void;
  /** Told of each token that was made, revoked or has expired, when that is so. */
  readonly onChange?: (token: TokenRecord) => void;
  /**
   * Given where another book of the node keeps the tokens, and tells by `follow` what becomes of them: this one writes
   * nothing, and tells of uses here.
   */
  readonly onUse?: (id: string, atUs: number) => void;
}

/** What a new token shall be. */
export interface TokenWish {
  readonly role: Role;
  /** Pattern of agent ids; for the role `agent`, and only there. */
  readonly agents?: string;
  /** Unique; the id unless given. */
  readonly name?: string;
  /** How long it is valid; for ever unless given. */
  readonly expiresInUs?: number;
}

/** Told once that a token has ended, and why. */
export type TokenEndListener = (token: TokenRecord, error: MyelinError) => void;

/** How long revoked and expired tokens are still listed. */
const endedKeptUs = 30 * 86_400e6;
/** How long what nobody waits for is gathered before it is written. */
const gatheredUs = 60e6;
/** The longest wait of the expiry timer: a machine that slept looks again by then. */
const longestWaitUs = 3600e6;

const encoder = new TextEncoder();

export class TokenBook {
  readonly #options: TokenBookOptions;
  readonly #tokens = new Map<string, TokenRecord>();
  readonly #listeners = new Set<TokenEndListener>();
  /** Tokens that expire and have not been told to have. */
  readonly #expiring = new Set<string>();
  /** Tokens whose present record is to be written. */
  readonly #behind = new Set<string>();
  #expiryTimer: Timer | undefined;
  #behindTimer: Timer | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: TokenBookOptions) {
    this.#options = options;
  }

  /** Takes over what was kept. */
  restore(records: readonly TokenRecord[]): void {
    for (const record of records) this.#put(record);
    this.#planExpiry();
  }

  /** Every token kept, in the order of their making. */
  list(): TokenRecord[] {
    return [...this.#tokens.values()];
  }

  /** True while a token is kept that was not revoked: an expired one still keeps the door shut. */
  get isInUse(): boolean {
    return this.list().some(({ revokedAtUs }) => revokedAtUs === undefined);
  }

  /** True while a token admits its bearer: one of `role` if it is given, and another than `exceptId`. */
  hasValid(role?: Role, exceptId?: string): boolean {
    const nowUs = this.#options.clock.nowUs();
    return this.list().some(
      (token) =>
        token.id !== exceptId &&
        (role === undefined || token.role === role) &&
        endOfToken(token, nowUs) === undefined,
    );
  }

  /**
   * The token that a text is. Takes the same time whatever is wrong with the secret.
   * @throws MyelinError UNAUTHENTICATED
   */
  admit(text: string): TokenRecord {
    const record = this.recognize(text);
    if (record === undefined)
      throw new MyelinError("UNAUTHENTICATED", "the token is not valid here");
    const nowUs = this.#options.clock.nowUs();
    const error = endOfToken(record, nowUs);
    if (error !== undefined) throw error;
    this.#use(record, nowUs);
    return record;
  }

  /** The token that a text is, valid or not; undefined for one that is not kept. */
  recognize(text: string): TokenRecord | undefined {
    const id = idOfTokenText(text);
    const record = id === undefined ? undefined : this.#tokens.get(id);
    const hash = encoder.encode(hashOfTokenText(text));
    const isIt = record !== undefined && isEqualHash(hash, encoder.encode(record.hash));
    return isIt ? record : undefined;
  }

  /**
   * Makes a token; its text is given here and never again.
   * @throws MyelinError ALREADY_EXISTS for a name that is taken, RESOURCE_EXHAUSTED, and the store's errors
   */
  create(
    wish: TokenWish,
    actor: string,
  ): Promise<{ readonly record: TokenRecord; readonly text: string }> {
    return this.#inTurn(async () => {
      const { clock, random, store } = this.#options;
      const nowUs = clock.nowUs();
      if (wish.name !== undefined) this.#requireFree(wish.name);
      await this.#makeRoom(nowUs);
      const { id, text } = newTokenText(random);
      this.#requireFree(id);
      const record: TokenRecord = {
        id,
        name: wish.name ?? id,
        role: wish.role,
        ...(wish.agents === undefined ? {} : { agents: wish.agents }),
        hash: hashOfTokenText(text),
        createdAtUs: nowUs,
        createdBy: actor,
        ...(wish.expiresInUs === undefined ? {} : { expiresAtUs: nowUs + wish.expiresInUs }),
      };
      await store.saveTokens([record]);
      this.#put(record);
      this.#planExpiry();
      this.#options.onChange?.(record);
      return { record, text };
    });
  }

  /**
   * Revokes a token, by its id or name: from then on it admits nobody, and what it had admitted ends.
   * One that was revoked before stays as it is. `mayRevoke` may refuse by throwing.
   * @throws MyelinError NOT_FOUND, and the store's errors
   */
  revoke(
    idOrName: string,
    actor: string,
    mayRevoke: (token: TokenRecord) => void = () => undefined,
  ): Promise<TokenRecord> {
    return this.#inTurn(async () => {
      const token = this.#find(idOrName);
      if (token.revokedAtUs !== undefined) return token;
      mayRevoke(token);
      const revokedAtUs = this.#options.clock.nowUs();
      const revoked = { ...token, revokedAtUs, revokedBy: actor };
      await this.#options.store.saveTokens([revoked]);
      this.#put(revoked);
      this.#options.onChange?.(revoked);
      this.#tellEnd(revoked);
      return revoked;
    });
  }

  /** Takes over what the node's other book has made of a token; what it had admitted here ends with it. */
  follow(record: TokenRecord): void {
    this.#put(record);
    if (record.revokedAtUs !== undefined || record.expiryToldAtUs !== undefined)
      this.#tellEnd(record);
  }

  /** Notes that a token was used where another book of the node admitted its bearer. */
  used(id: string, atUs: number): void {
    const record = this.#tokens.get(id);
    if (record !== undefined && atUs > (record.lastUsedAtUs ?? 0)) this.#use(record, atUs);
  }

  /** Why a token admits nobody any more; undefined while it is valid. */
  endOf(id: string): MyelinError | undefined {
    const token = this.#tokens.get(id);
    if (token !== undefined) return endOfToken(token, this.#options.clock.nowUs());
    return new MyelinError("UNAUTHENTICATED", "the token is not kept any more");
  }

  /** Tells each token's end; returns what ends the telling. */
  onEnd(listener: TokenEndListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Writes what is written behind: when tokens were last used, and which are told to have expired. */
  async flush(): Promise<void> {
    this.#behindTimer?.cancel();
    this.#behindTimer = undefined;
    const records = [...this.#behind].flatMap((id) => this.#tokens.get(id) ?? []);
    this.#behind.clear();
    if (records.length === 0) return;
    try {
      await this.#options.store.saveTokens(records);
    } catch (thrown) {
      this.#options.onStoreError(MyelinError.from(thrown));
      for (const { id } of records) this.#behind.add(id);
      this.#writeBehind();
    }
  }

  /** Writes what is written behind, where the disk takes it, and lets go of its timers. */
  async stop(): Promise<void> {
    this.#expiryTimer?.cancel();
    await this.flush();
    this.#behindTimer?.cancel();
  }

  #find(idOrName: string): TokenRecord {
    const token = this.#tokens.get(idOrName) ?? this.list().find(({ name }) => name === idOrName);
    if (token !== undefined) return token;
    throw new MyelinError("NOT_FOUND", `there is no token ${JSON.stringify(idOrName)}`, {
      hint: "List the tokens with `myelin token list`.",
    });
  }

  #requireFree(name: string): void {
    const isTaken = this.list().some((token) => token.name === name || token.id === name);
    if (!isTaken) return;
    throw new MyelinError("ALREADY_EXISTS", `there is a token ${JSON.stringify(name)}`, {
      hint: "Give it another --name: records name who acted by it.",
    });
  }

  #put(record: TokenRecord): void {
    this.#tokens.set(record.id, record);
    const { expiresAtUs, expiryToldAtUs, revokedAtUs } = record;
    const nowUs = this.#options.clock.nowUs();
    // A clock that was set back makes it valid again, and then it expires again.
    const isTold = expiryToldAtUs !== undefined && (expiresAtUs ?? 0) <= nowUs;
    if (expiresAtUs === undefined || isTold || revokedAtUs !== undefined)
      this.#expiring.delete(record.id);
    else this.#expiring.add(record.id);
  }

  #use(record: TokenRecord, nowUs: number): void {
    this.#tokens.set(record.id, { ...record, lastUsedAtUs: nowUs });
    if (this.#options.onUse !== undefined) {
      this.#options.onUse(record.id, nowUs);
      return;
    }
    this.#behind.add(record.id);
    this.#writeBehind();
  }

  #writeBehind(): void {
    this.#behindTimer ??= this.#options.clock.schedule(gatheredUs, () => void this.flush());
  }

  /** Forgets what ended long ago, and at the bound what ended first. */
  async #makeRoom(nowUs: number): Promise<void> {
    const endUsOf = ({ revokedAtUs, expiresAtUs }: TokenRecord): number =>
      Math.min(revokedAtUs ?? Number.POSITIVE_INFINITY, expiresAtUs ?? Number.POSITIVE_INFINITY);
    const ended = this.list()
      .filter((token) => endUsOf(token) <= nowUs)
      .sort((a, b) => endUsOf(a) - endUsOf(b));
    const { maxTokens = defaultStorageBounds.maxTokens } = this.#options;
    const excess = this.#tokens.size + 1 - maxTokens;
    // An expired token that was not revoked keeps the door shut, so only revoked ones go by age.
    const gone = ended.filter(
      (token, at) =>
        at < excess || (token.revokedAtUs !== undefined && token.revokedAtUs < nowUs - endedKeptUs),
    );
    if (gone.length < excess) {
      throw new MyelinError("RESOURCE_EXHAUSTED", `the node keeps its ${maxTokens} tokens`, {
        hint: "Revoke tokens that nobody needs.",
      });
    }
    if (gone.length === 0) return;
    await this.#options.store.deleteTokens(gone.map(({ id }) => id));
    for (const { id } of gone) {
      this.#tokens.delete(id);
      this.#expiring.delete(id);
      this.#behind.delete(id);
    }
  }

  #planExpiry(): void {
    this.#expiryTimer?.cancel();
    this.#expiryTimer = undefined;
    if (this.#expiring.size === 0 || this.#options.onUse !== undefined) return;
    const { clock } = this.#options;
    let dueUs = Number.POSITIVE_INFINITY;
    for (const id of this.#expiring)
      dueUs = Math.min(dueUs, this.#tokens.get(id)?.expiresAtUs ?? Number.POSITIVE_INFINITY);
    const waitUs = Math.min(longestWaitUs, Math.max(0, dueUs - clock.nowUs()));
    this.#expiryTimer = clock.schedule(waitUs, () => this.#expire());
  }

  #expire(): void {
    const nowUs = this.#options.clock.nowUs();
    for (const id of this.#expiring) {
      const token = this.#tokens.get(id);
      if (token !== undefined && endOfToken(token, nowUs) === undefined) continue;
      this.#expiring.delete(id);
      if (token === undefined) continue;
      const told = { ...token, expiryToldAtUs: nowUs };
      this.#tokens.set(id, told);
      this.#behind.add(id);
      this.#options.onChange?.(told);
      this.#tellEnd(token);
    }
    this.#planExpiry();
    void this.flush();
  }

  #tellEnd(token: TokenRecord): void {
    const error = endOfToken(token, this.#options.clock.nowUs());
    if (error === undefined) return;
    for (const listener of this.#listeners) listener(token, error);
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work, work);
    this.#turn = result.catch(() => undefined);
    return await result;
  }
}
