import type { JsonObject } from "../json/index.ts";
import { type ErrorCode, errorCatalogue, isErrorCode } from "./catalogue.ts";

/** The one shape of an error outside the process: HTTP bodies, CLI output, acknowledgements. */
export interface ErrorDocument {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly details: JsonObject;
}

/** What may accompany an error. */
export interface MyelinErrorOptions {
  /** What to do; the catalogue's remedy when absent. */
  readonly hint?: string;
  /** Machine-readable particulars. */
  readonly details?: JsonObject;
  readonly cause?: unknown;
}

/** The one error type of Myelin: a code from the catalogue, a message, and what to do. */
export class MyelinError extends Error {
  override readonly name = "MyelinError";
  readonly code: ErrorCode;
  readonly hint: string;
  readonly details: JsonObject;

  constructor(code: ErrorCode, message: string, options: MyelinErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? errorCatalogue[code].remedy;
    this.details = options.details ?? {};
  }

  /** True when the same call may succeed later. */
  get isRetryable(): boolean {
    return errorCatalogue[this.code].isRetryable;
  }

  /** Status of an HTTP answer that carries this error. */
  get httpStatus(): number {
    return errorCatalogue[this.code].httpStatus;
  }

  /** The one shape of errors in answers: code, message, hint, details. */
  toJSON(): ErrorDocument {
    return { code: this.code, message: this.message, hint: this.hint, details: this.details };
  }

  /** Turns whatever was thrown into a MyelinError; what is none of ours becomes INTERNAL with it as cause. */
  static from(thrown: unknown): MyelinError {
    if (thrown instanceof MyelinError) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new MyelinError("INTERNAL", message, { cause: thrown });
  }

  /** Reads an error document that came from outside; unknown codes become INTERNAL. */
  static fromDocument(document: Partial<ErrorDocument>): MyelinError {
    const code =
      document.code !== undefined && isErrorCode(document.code) ? document.code : "INTERNAL";
    return new MyelinError(code, document.message ?? "unknown error", {
      ...(document.hint === undefined ? {} : { hint: document.hint }),
      ...(document.details === undefined ? {} : { details: document.details }),
    });
  }
}
