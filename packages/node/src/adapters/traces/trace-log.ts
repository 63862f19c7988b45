import { MyelinError } from "@myelin/core/errors";
import type { Redactor } from "@myelin/core/secret";
import type { Logger } from "pino";
import type { TraceListener } from "./trace-queue.ts";

/** Logs how the sending of traces goes, without secrets. */
export function traceLog(log: Logger, redactor: Redactor): TraceListener {
  return {
    onRefused: (error) =>
      log.error(
        { reason: redactor.text(MyelinError.from(error).message) },
        "the collector does not take traces; they are dropped and counted",
      ),
    onTaken: () => log.info("the collector takes traces again"),
  };
}
