/** Samples of one metric, frame by frame, at regular times. */
export interface Load {
  readonly name: string;
  /** How far off the receiver may have the values. */
  readonly tolerance: number;
  readonly frames: readonly Frame[];
}

/** The columns of one frame. */
export interface Frame {
  readonly count: number;
  readonly metrics: Uint32Array;
  readonly values: Float64Array;
  readonly timesUs: Float64Array;
}

const startUs = 1_790_000_000_000_000;
const intervalUs = 1000;

function makeFrames(
  frameCount: number,
  samples: number,
  next: (before: number) => number,
): Frame[] {
  let value = 50;
  let timeUs = startUs;
  return Array.from({ length: frameCount }, () => {
    const values = new Float64Array(samples);
    const timesUs = new Float64Array(samples);
    for (let index = 0; index < samples; index += 1) {
      value = next(value);
      values[index] = value;
      timesUs[index] = timeUs;
      timeUs += intervalUs;
    }
    return { count: samples, metrics: new Uint32Array(samples).fill(1), values, timesUs };
  });
}

/** The loads that are measured; the same in every run. */
export function makeLoads(): readonly Load[] {
  let seed = 1;
  const random = (): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  // Held between 40 and 60, where a step of f16 is 0.03.
  const walk = (before: number): number =>
    Math.min(60, Math.max(40, before + (random() - 0.5) * 0.04));
  const noise = (): number => 45 + random() * 10;
  return [
    { name: "slow", tolerance: 0.02, frames: makeFrames(200, 100, walk) },
    { name: "noisy", tolerance: 0.05, frames: makeFrames(200, 100, noise) },
    { name: "single", tolerance: 0.02, frames: makeFrames(2_000, 1, walk) },
  ];
}
