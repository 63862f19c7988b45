export {
  type Handler,
  type HandlerContext,
  type HandlerOptions,
  Handlers,
  type Instruction,
} from "./handlers.ts";
export { Instructions } from "./instructions.ts";
export { OutcomeStore } from "./outcome-store.ts";
