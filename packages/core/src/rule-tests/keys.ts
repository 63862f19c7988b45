/** Every key of a file of tests, by what it is a key of. What the reader takes, and the schema says. */
export const keysOf = {
  file: {
    rule_files: "Rule files, relative to this file.",
    rules: "Rules, as in a rule file.",
    interval: "Time between two samples of a series; 1s unless given.",
    settings: "Settings of the node that differ from its defaults.",
    tests: "The tests.",
  },
  settings: {
    stale_after: "How old a latest value may be to count in a fleet or a group.",
    window_samples: "A window with more samples passes to buckets.",
    lateness: "How long samples wait for older ones; 0s unless given.",
  },
  test: {
    name: "What is tested, as a sentence.",
    interval: "Time between two samples of a series; the file's unless given.",
    agents: "The agents, with their samples.",
    events: "What happens at agents.",
    changes: "Changes of agents' states and attributes, of the rules, and restarts of the node.",
    outcomes: "How instructions end; those that nothing is said of are executed at once.",
    expect: "What is expected, and when.",
  },
  agent: {
    id: "The agent's id.",
    type: "Its type; agent unless given.",
    tier: "Its tier; device unless given.",
    labels: "Its labels.",
    capabilities: "What it can do.",
    twin: "Its state whenever it joins.",
    joins: "When it joins, one instant or several; 0s unless given.",
    leaves: "When it leaves, one instant or several.",
    series: "Its samples: to each metric a series.",
  },
  series: {
    values: "The series: 0+10x5 _x3 stale.",
    interval: "Time between two of its samples; the test's unless given.",
    start: "When the first sample is; 0s unless given.",
    delay: "How long after their time its samples come to the node; 0s unless given.",
  },
  event: {
    at: "When it happens.",
    agent: "At which agent; may be left out where there is only one.",
    type: "The event's type.",
    attrs: "Its attributes.",
    times: "How often it happens; once unless given.",
    every: "Time between two of them; the test's interval unless given.",
  },
  change: {
    at: "When it changes.",
    agent: "Which agent; may be left out where there is only one.",
    twin: "Merged into its state; null removes a field.",
    type: "Its type from then on.",
    tier: "Its tier from then on.",
    labels: "All its labels from then on.",
    capabilities: "All that it can do from then on.",
    rules:
      "To each rule that changes its fields from then on; null for a field's default, and for a rule that is deleted.",
    restart: "true: the node restarts.",
    down: "How long it is down; it is back at once unless given.",
  },
  outcome: {
    rule: "Instructions of this rule only.",
    agent: "Instructions to this agent only.",
    action: "Instructions with this action only.",
    attempt: "The first, second … instruction of an episode only.",
    status: "executed, failed, rejected, expired or canceled.",
    after: "How long after the instruction; at once unless given.",
  },
  expectation: {
    at: "When.",
    rule: "Whose states and instructions; must be given with states.",
    agent: "Whose instructions; those of all agents unless given.",
    states: "To each agent inactive, pending or firing; or one of these for all agents.",
    instructions: "All instructions up to this instant, and no other.",
  },
  instruction: {
    rule: "The rule that it is of.",
    agent: "The agent that it is for.",
    action: "Its action.",
    args: "All its arguments.",
    at: "When it is given.",
    attempt: "Which of its episode's instructions it is.",
    mode: "sent (unless given), or shadow or suppressed: decided, and not sent.",
  },
} as const;

export type KeysOf = typeof keysOf;

/** Keys of promtool's files, and what is written here for them. */
export const promtoolKeys: Readonly<Record<string, string>> = {
  evaluation_interval: "write interval",
  input_series: "write agents, each with series: { metric: '0+10x5' }",
  alert_rule_test: "write expect",
  promql_expr_test: "write expect: rules are tested by their states and instructions",
  eval_time: "write at",
  alertname: "write rule",
  exp_alerts: "write states, and instructions for what was given up to then",
  exp_labels: "write agent and action",
  exp_annotations: "write args",
};
