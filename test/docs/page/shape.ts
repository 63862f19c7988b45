/**
 * Where an example differs in shape from a real document: missing and surplus keys, and types of
 * values. Values themselves may differ. Of a list the first elements are compared; null stands for
 * a value of any type, since what is unknown now may be known at another time.
 */
export function shapeDifference(example: unknown, real: unknown, path = "$"): string | undefined {
  if (example === null || real === null) return undefined;
  if (Array.isArray(example) || Array.isArray(real)) {
    if (!Array.isArray(example) || !Array.isArray(real)) return `${path}: one is a list`;
    if (example.length === 0) return undefined;
    if (real.length === 0) return `${path}: the real list is empty`;
    return shapeDifference(example[0], real[0], `${path}[0]`);
  }
  if (typeof example !== typeof real)
    return `${path}: ${typeof example} in the example, ${typeof real} in truth`;
  if (typeof example !== "object" || typeof real !== "object") return undefined;
  const [shown, there] = [example as Document, real as Document];
  const keys = new Set([...Object.keys(shown), ...Object.keys(there)]);
  for (const key of keys) {
    if (!Object.hasOwn(there, key)) return `${path}.${key}: only in the example`;
    if (!Object.hasOwn(shown, key)) return `${path}.${key}: not in the example`;
    const difference = shapeDifference(shown[key], there[key], `${path}.${key}`);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

type Document = Readonly<Record<string, unknown>>;
