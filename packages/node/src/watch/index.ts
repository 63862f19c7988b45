/** What happens to agents, episodes and instructions, and at agents, told to those who watch. */
export { type Cursor, parseCursor } from "./cursor.ts";
export {
  type AgentEventType,
  type EpisodeEventType,
  type InstructionEventType,
  type WatchKind,
} from "./event.ts";
export { parseFilter, type WatchFilter, type WatchFilterTexts } from "./filter.ts";
export { Watch, type WatchOptions, type WatchRequest, type WatchSettings } from "./watch.ts";
