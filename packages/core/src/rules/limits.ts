/** Bounds of the rule language; what exceeds one is refused by name, or unknown where only a run can tell. */
export const limits = {
  /** Length of a rule file, in UTF-16 code units. */
  fileLength: 1_048_576,
  /** Of one that is sent to a node and is not compact JSON: putting together its YAML is one turn of the node's loop. */
  sentYamlLength: 262_144,
  rulesPerFile: 10_000,
  /** Levels of brackets in a YAML file, and of lists and maps that begin on one line. */
  fileNestingLevels: 128,
  /** Length of one expression, in UTF-16 code units. */
  expressionLength: 8_192,
  /** Levels of brackets, of conditionals, and of the syntax tree. */
  nestingLevels: 64,
  comprehensionLevels: 2,
  listElements: 1_000,
  /** Length of a pattern of `matches`. */
  patternLength: 512,
  /** Length of a pattern that is known at run time only, and what its counted repetitions multiply to. */
  foundPatternLength: 128,
  foundPatternRepetitions: 256,
  /** Patterns that one `matches` keeps compiled, where they are no literals. */
  patternsKept: 16,
  /** Steps (elements visited, characters searched / 64) of one evaluation; beyond them its result is unknown. */
  stepsPerEvaluation: 10_000,
  /** Length of `args` as JSON text. */
  argsLength: 16_384,
  argsNestingLevels: 16,
  descriptionLength: 1024,
  /** The longest duration a rule may name: 30 days. */
  durationUs: 2_592_000_000_000,
  /** The longest window: 24 hours. */
  windowUs: 86_400_000_000,
  eventTypeLength: 128,
  attempts: 10,
  limitCount: 1_000_000,
} as const;
