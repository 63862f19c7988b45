/** What the random rules and streams may hold beyond latest values. */
export const allFeatures = ["windows", "silences", "events", "fleets", "restarts"] as const;
export type Feature = (typeof allFeatures)[number];

/** Features by their names; those that are none are left out. */
export function featuresNamed(names: readonly string[]): readonly Feature[] {
  return allFeatures.filter((feature) => names.includes(feature));
}

/** What the engine executes today: a feature is added here when the engine has it. */
export const executedFeatures: readonly Feature[] = [
  "windows",
  "silences",
  "events",
  "fleets",
  "restarts",
];
