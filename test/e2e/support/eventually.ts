const patienceMs = 20_000;
const lookIntervalMs = 10;

/** Looks again and again until there is what is looked for: HTTP tells nothing by itself. Fails after 20 s. */
export async function eventually<Found>(
  what: string,
  look: () => Promise<Found | undefined | false> | Found | undefined | false,
): Promise<Found> {
  const giveUpAtMs = performance.now() + patienceMs;
  const { promise, resolve, reject } = Promise.withResolvers<Found>();
  const again = (): void => {
    Promise.resolve()
      .then(look)
      .then((found) => {
        if (found !== undefined && found !== false) resolve(found);
        else if (performance.now() > giveUpAtMs) reject(new Error(`waited in vain until ${what}`));
        else setTimeout(again, lookIntervalMs);
      }, reject);
  };
  again();
  return await promise;
}
