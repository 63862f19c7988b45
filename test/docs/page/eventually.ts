const patienceMs = 10_000;
const lookIntervalMs = 20;

/** Looks again and again until nothing is wrong. Fails after 10 s with what was wrong last. */
export async function eventually(
  fault: () => Promise<string | undefined> | string | undefined,
): Promise<void> {
  const giveUpAtMs = performance.now() + patienceMs;
  for (;;) {
    const found = await fault();
    if (found === undefined) return;
    if (performance.now() > giveUpAtMs) throw new Error(found);
    await new Promise<void>((resolve) => setTimeout(resolve, lookIntervalMs));
  }
}
