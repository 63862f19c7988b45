export { BoundedPriorityQueue, type PushOptions } from "./bounded-priority-queue.ts";
export { Heap, type HeapOrder } from "./heap.ts";
export { defaultScoreWeights, type Importance, score, type ScoreWeights } from "./score.ts";
