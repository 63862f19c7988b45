export {
  AdaptingWeights,
  type EndOfInstruction,
  leastWeight,
  mostStep,
  mostWeight,
  steppedWeights,
  type ViolationCounts,
} from "./adapting-weights.ts";
export { BoundedPriorityQueue, type PushOptions } from "./bounded-priority-queue.ts";
export { Heap, type HeapOrder } from "./heap.ts";
export { nextOverloadLevel, type OverloadBounds, type OverloadLevel } from "./overload.ts";
export { defaultScoreWeights, type Importance, score, type ScoreWeights } from "./score.ts";
