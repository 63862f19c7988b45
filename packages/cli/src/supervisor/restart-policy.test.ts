import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultRestartOptions, parseRestartPolicy, RestartJudge } from "./restart-policy.ts";

const crash = { code: 1, signal: null };
const success = { code: 0, signal: null };
const killed = { code: null, signal: "SIGKILL" } as const;

test("each restart in a row doubles the delay, up to the longest", () => {
  const judge = new RestartJudge({ ...defaultRestartOptions, firstDelayMs: 100, maxDelayMs: 500 });
  const delays = Array.from({ length: 5 }, () => {
    const decision = judge.decide(crash, 0);
    return decision.kind === "restart" ? decision.delayMs : decision.reason;
  });
  assert.deepEqual(delays, [100, 200, 400, 500, 500]);
});

test("a healthy run or a restart by instruction begins the delays anew", () => {
  const judge = new RestartJudge({ ...defaultRestartOptions, firstDelayMs: 100 });
  const first = { kind: "restart", delayMs: 100, attempt: 1 };
  judge.decide(crash, 0);
  assert.deepEqual(judge.decide(killed, defaultRestartOptions.healthyAfterMs), first);
  judge.reset();
  assert.deepEqual(judge.decide(killed, 0), first);
});

test("the policy says which ends are restarted", () => {
  const decide = (policy: "always" | "on-failure" | "never", outcome: typeof crash): string =>
    new RestartJudge({ ...defaultRestartOptions, policy }).decide(outcome, 0).kind;
  assert.equal(decide("always", success), "restart");
  assert.equal(decide("on-failure", success), "give-up");
  assert.equal(decide("on-failure", crash), "restart");
  assert.equal(decide("never", crash), "give-up");
});

test("restarts in a row are bounded when they are told to be", () => {
  const judge = new RestartJudge({ ...defaultRestartOptions, maxRestarts: 1 });
  judge.decide(crash, 0);
  assert.deepEqual(judge.decide(crash, 0), { kind: "give-up", reason: "max-restarts" });
});

test("an unknown policy is refused", () => {
  assert.equal(parseRestartPolicy("always"), "always");
  assert.throws(() => parseRestartPolicy("sometimes"), { code: "INVALID_ARGUMENT" });
});
