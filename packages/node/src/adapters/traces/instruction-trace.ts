/** An instruction as a trace: a span over all of it with what happened to it, and one for each stage. */
import {
  type Attributes,
  type Context,
  type HrTime,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { type Instruction, placedTimes, type StageTimes } from "../../instruction/index.ts";

/** Makes the trace of an instruction that has ended. */
export type Tracing = (instruction: Instruction, isKept: boolean, nowUs: number) => void;

export function createTracing(tracer: Tracer): Tracing {
  return (instruction, isKept, nowUs) => {
    const times = placedTimes(instruction.times);
    const startUs = firstKnown(
      times.sampledAtUs,
      times.framedAtUs,
      times.arrivedAtUs,
      times.decidedAtUs,
      instruction.createdAtUs,
    );
    const span = tracer.startSpan(
      `instruction ${instruction.action}`,
      { startTime: timeOf(startUs), kind: SpanKind.INTERNAL },
      parentOf(instruction),
    );
    if (span.isRecording()) describe(tracer, span, { instruction, times, isKept, nowUs });
    span.end(timeOf(nowUs));
  };
}

interface Ended {
  readonly instruction: Instruction;
  readonly times: StageTimes;
  readonly isKept: boolean;
  readonly nowUs: number;
}

function describe(tracer: Tracer, span: Span, ended: Ended): void {
  const { instruction, times, isKept, nowUs } = ended;
  const { status, error } = instruction;
  const endedAtUs = instruction.endedAtUs ?? nowUs;
  span.setAttributes(attributesOf(instruction, isKept));
  if (status === "executed") span.setStatus({ code: SpanStatusCode.OK });
  else if (status !== "canceled")
    span.setStatus({ code: SpanStatusCode.ERROR, message: error?.message ?? status });
  const event = (name: string, atUs: number): void => {
    if (!Number.isNaN(atUs)) span.addEvent(name, timeOf(atUs));
  };
  event("decided", times.decidedAtUs);
  event("sent", times.writtenAtUs);
  event("received", times.receivedAtUs);
  event(status, Number.isNaN(times.executedAtUs) ? endedAtUs : times.executedAtUs);
  event(isKept ? "settled" : "not settled", nowUs);

  const within = trace.setSpan(ROOT_CONTEXT, span);
  const stage = (name: string, fromUs: number, toUs: number): void => {
    if (Number.isNaN(fromUs) || Number.isNaN(toUs)) return;
    tracer.startSpan(name, { startTime: timeOf(fromUs) }, within).end(timeOf(toUs));
  };
  stage("collect", times.sampledAtUs, times.framedAtUs);
  stage("ingest", firstKnown(times.framedAtUs, times.sampledAtUs), times.arrivedAtUs);
  stage("compute", times.arrivedAtUs, times.computedAtUs);
  stage("rule", times.computedAtUs, times.decidedAtUs);
  stage("dispatch", times.decidedAtUs, times.receivedAtUs);
  stage("execute", times.receivedAtUs, times.executedAtUs);
  stage("settle", endedAtUs, nowUs);
}

function attributesOf(instruction: Instruction, isKept: boolean): Attributes {
  const { id, agent, recipient, action, priority, actor, status, error, episode } = instruction;
  return {
    "myelin.instruction.id": id,
    "myelin.agent": agent,
    ...(recipient === undefined ? {} : { "myelin.part": recipient.part }),
    "myelin.action": action,
    "myelin.priority": priority,
    "myelin.actor": actor,
    "myelin.status": status,
    "myelin.settled": isKept,
    ...(error === undefined ? {} : { "myelin.code": error.code }),
    ...(episode === undefined
      ? {}
      : {
          "myelin.rule": episode.rule,
          "myelin.rule.version": episode.ruleVersion,
          "myelin.attempt": episode.attempt,
        }),
  };
}

/** The caller's span, where it named one. */
function parentOf({ traceParent }: Instruction): Context {
  if (traceParent === undefined) return ROOT_CONTEXT;
  const { traceId, spanId, traceFlags } = traceParent;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}

function firstKnown(...instantsUs: readonly number[]): number {
  return instantsUs.find((instantUs) => !Number.isNaN(instantUs)) ?? 0;
}

/** As seconds and nanoseconds: a plain number that lies before the process's start would be taken for another clock's. */
function timeOf(atUs: number): HrTime {
  const seconds = Math.floor(atUs / 1e6);
  return [seconds, Math.floor((atUs - seconds * 1e6) * 1000)];
}
