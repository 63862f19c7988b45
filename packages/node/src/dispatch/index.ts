export {
  type Batch,
  ByHand,
  type ByHandOptions,
  type Order,
  type OrderTerms,
  sameOrder,
} from "./by-hand.ts";
export { Dispatch, type DispatchOptions, type RuleFeedback } from "./dispatch.ts";
export type { DeliverySession, Sessions } from "./recipient.ts";
export { Reports, type ReportsOptions, type ToldEpisode } from "./reports.ts";
export { instructionOfRecord } from "./sources.ts";
