/** Kinds of instructions that compete for the agents' time. */
export interface Kind {
  readonly name: "important" | "busy" | "chatter";
  readonly priority: number;
  readonly sla?: string;
  /** Arrivals, as a multiple of what the agents can do. */
  readonly share: number;
  /** Rules, taken in turn: one of them can have only one instruction open for an agent. */
  readonly rules: number;
}

/** Together three times what can be delivered. By the weights of the start, busy scores more than important. */
export const kinds: readonly Kind[] = [
  { name: "important", priority: 8, sla: "100ms", share: 0.3, rules: 32 },
  { name: "busy", priority: 7, sla: "30ms", share: 1.5, rules: 128 },
  { name: "chatter", priority: 2, share: 1.2, rules: 128 },
];

/** Arrivals of all kinds, as a multiple of what the agents can do. */
export const arrivals: number = kinds.reduce((sum, { share }) => sum + share, 0);

/** Kinds as they follow each other: each as often as its share says, the same distance apart. */
export const spread: readonly Kind["name"][] = kinds
  .flatMap(({ name, share }) => {
    const times = Math.round((10 * share) / arrivals);
    return Array.from({ length: times }, (_, at) => ({ name, place: (at + 0.5) / times }));
  })
  .toSorted((one, other) => one.place - other.place)
  .map(({ name }) => name);

export const agents = 2;
/** An agent does one instruction at a time, and each takes this long. */
export const serviceUs = 4000;
/** Not begun by then, an instruction expires. */
export const deadlineUs = 100_000;

/** Instructions a second that all agents together can do. */
export const capacityPerSecond: number = (agents * 1e6) / serviceUs;

/** What the crowd has seen of one kind. */
export interface KindFigures {
  readonly sent: number;
  readonly received: number;
  /** p99 from the moment a sample was meant to leave until its instruction came; what never came counts with the deadline. */
  readonly p99Us: number;
}

/** What the crowd has seen in one run. */
export interface CrowdFigures {
  readonly kinds: Readonly<Record<Kind["name"], KindFigures>>;
  /** How much later than meant frames left, p99.9. */
  readonly lateP999Us: number;
}

export function crowdRules(): readonly unknown[] {
  return kinds.flatMap(({ name, priority, sla, rules }) =>
    Array.from({ length: rules }, (_, at) => ({
      name: `${name}-${at}`,
      expr: `${name}_${at} > 0`,
      action: "measure",
      args: { kind: name, at: `\${${name}_${at}}` },
      priority,
      ...(sla === undefined ? {} : { sla }),
      deadline: `${deadlineUs / 1e3}ms`,
      timeout: "1s",
      cooldown: "0s",
    })),
  );
}
