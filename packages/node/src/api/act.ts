import { MyelinError } from "@myelin/core/errors";
import type { JsonObject } from "@myelin/core/json";
import type { Audit } from "../audit/index.ts";

/** Where acts and refusals are written. */
export type AuditWriter = Pick<Audit, "record" | "refused">;

/** What the audit is told of a request that acts. */
export class ActNote {
  /** What is acted on; the path's parameter unless the handler knows better. */
  subject: string;
  details: JsonObject = {};
  readonly #audit: AuditWriter;
  readonly #who: { readonly actor: string; readonly act: string; readonly address: string };
  #isWritten = false;

  constructor(
    audit: AuditWriter,
    who: { readonly actor: string; readonly act: string; readonly address: string },
    subject: string,
  ) {
    this.#audit = audit;
    this.#who = who;
    this.subject = subject;
  }

  /** The act is done: it is written now, though the answer may come later. */
  async done(): Promise<void> {
    await this.#write("done", undefined);
  }

  /** Does the work, and writes what became of it unless the work has. */
  async around<Response>(work: () => Promise<Response> | Response): Promise<Response> {
    try {
      const response = await work();
      await this.#write("done", undefined);
      return response;
    } catch (thrown) {
      await this.#write("failed", MyelinError.from(thrown).code);
      throw thrown;
    }
  }

  async #write(outcome: "done" | "failed", code: string | undefined): Promise<void> {
    if (this.#isWritten) return;
    this.#isWritten = true;
    const { subject, details } = this;
    await this.#audit.record({
      ...this.#who,
      subject,
      details,
      outcome,
      ...(code === undefined ? {} : { code }),
    });
  }
}
