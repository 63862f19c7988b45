import { MyelinError } from "@myelin/core/errors";
import { formatTime } from "@myelin/core/instruction";
import {
  type Access,
  endOfToken,
  parseAgentPattern,
  parseRole,
  parseTokenName,
  type TokenBook,
} from "../access/index.ts";
import type { TokenRecord } from "../ports/access-records.ts";
import { Fields, requireKnown } from "./fields.ts";
import { type ApiHandler, bodyObject, json } from "./router.ts";

export interface TokensApiOptions {
  readonly access: Access;
  readonly nowUs: () => number;
}

const longestUs = 3650 * 86_400e6;

export class TokensApi {
  readonly #options: TokensApiOptions;

  constructor(options: TokensApiOptions) {
    this.#options = options;
  }

  /** POST /tokens : the answer alone has the secret */
  readonly create: ApiHandler = async ({ http, actor, note }) => {
    const fields = new Fields(bodyObject(http));
    const role = parseRole(fields.requiredText("role"));
    const agents = fields.text("agents");
    const name = fields.text("name");
    const expires = fields.text("expires");
    const expiresInUs = fields.positiveDurationUs("expires", longestUs);
    fields.end();
    note.subject = name ?? "";
    note.details = { role, ...(agents === undefined ? {} : { agents }) };
    requirePattern(role, agents);
    if (expiresInUs > longestUs)
      throw new MyelinError("INVALID_ARGUMENT", "a token expires within ten years, or never");
    const { access } = this.#options;
    access.assertMayCreate(role);
    const wish = {
      role,
      ...(agents === undefined ? {} : { agents: parseAgentPattern(agents) }),
      ...(name === undefined ? {} : { name: parseTokenName(name) }),
      ...(expires === undefined ? {} : { expiresInUs }),
    };
    const { record, text } = await this.#book.create(wish, actor);
    note.subject = record.name;
    note.details = { ...note.details, id: record.id };
    return json({ ...this.#document(record), token: text }, 201);
  };

  /** GET /tokens : also those that have ended */
  readonly list: ApiHandler = ({ http }) => {
    requireKnown(http.query, []);
    return json({ tokens: this.#book.list().map((record) => this.#document(record)) });
  };

  /** DELETE /tokens/:id : by id or name; what it had admitted ends at once */
  readonly revoke: ApiHandler = async ({ parameters, actor }) => {
    const { access } = this.#options;
    const revoked = await this.#book.revoke(parameters["id"] ?? "", actor, (token) =>
      access.assertMayRevoke(token),
    );
    return json(this.#document(revoked));
  };

  get #book(): TokenBook {
    const { tokens } = this.#options.access;
    if (tokens !== undefined) return tokens;
    throw new MyelinError("INTERNAL", "this node keeps no tokens");
  }

  #document(record: TokenRecord): object {
    const end = endOfToken(record, this.#options.nowUs());
    const timeOf = (timeUs: number | undefined): string | null =>
      timeUs === undefined ? null : formatTime(timeUs);
    const state =
      end === undefined ? "valid" : record.revokedAtUs === undefined ? "expired" : "revoked";
    return {
      id: record.id,
      name: record.name,
      role: record.role,
      agents: record.agents ?? null,
      state,
      createdAt: formatTime(record.createdAtUs),
      createdBy: record.createdBy,
      expiresAt: timeOf(record.expiresAtUs),
      revokedAt: timeOf(record.revokedAtUs),
      revokedBy: record.revokedBy ?? null,
      lastUsedAt: timeOf(record.lastUsedAtUs),
    };
  }
}

/** @throws MyelinError INVALID_ARGUMENT */
function requirePattern(role: string, agents: string | undefined): void {
  if ((role === "agent") === (agents !== undefined)) return;
  throw new MyelinError(
    "INVALID_ARGUMENT",
    role === "agent"
      ? "a token of the role agent needs the agents that it is for"
      : `a token of the role ${role} is for no agents`,
    { hint: "Give a pattern of agent ids with the role agent, such as w-*, and only with it." },
  );
}
