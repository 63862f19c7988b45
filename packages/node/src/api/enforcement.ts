import { MyelinError } from "@myelin/core/errors";
import { formatTime } from "@myelin/core/instruction";
import type { Enforcement } from "../rules/index.ts";
import { Fields } from "./fields.ts";
import { type ApiHandler, bodyObject, json } from "./router.ts";

export interface EnforcementApiOptions {
  readonly enforcement: Enforcement;
}

/** Most characters of a reason. */
const longestReason = 500;

/** Whether rules are enforced, as JSON. */
export function enforcementDocument({ isOn, record }: Enforcement): EnforcementDocument {
  if (record === undefined) return { isOn };
  const { changedAtUs, actor, reason } = record;
  return {
    isOn,
    changedAt: formatTime(changedAtUs),
    actor,
    ...(reason === undefined ? {} : { reason }),
  };
}

export interface EnforcementDocument {
  readonly isOn: boolean;
  /** ISO 8601; absent while nobody has ever switched it, and so is `actor`. */
  readonly changedAt?: string;
  readonly actor?: string;
  readonly reason?: string;
}

export class EnforcementApi {
  readonly #enforcement: Enforcement;

  constructor({ enforcement }: EnforcementApiOptions) {
    this.#enforcement = enforcement;
  }

  /** GET /enforcement */
  readonly get: ApiHandler = () => json(enforcementDocument(this.#enforcement));

  /** PUT /enforcement, the body `{"isOn": false, "reason": "…"}` */
  readonly set: ApiHandler = async ({ http, actor, note }) => {
    const fields = new Fields(bodyObject(http));
    const isOn = fields.requiredBoolean("isOn");
    const reason = fields.text("reason");
    fields.end();
    if (reason !== undefined && reason.length > longestReason)
      throw new MyelinError(
        "INVALID_ARGUMENT",
        `the reason is longer than ${longestReason} characters`,
      );
    note.subject = isOn ? "on" : "off";
    if (reason !== undefined) note.details = { reason };
    const isChanged = await this.#enforcement.set(isOn, actor, reason);
    return json({ ...enforcementDocument(this.#enforcement), isChanged });
  };
}
