export { type Batch, ByHand, type ByHandOptions, type Order } from "./by-hand.ts";
export { type Accounts, Dispatch, type DispatchOptions, type RuleFeedback } from "./dispatch.ts";
export { type DeliverySession, type Sessions } from "./recipient.ts";
export { instructionOfRecord, instructionOfReport } from "./sources.ts";
