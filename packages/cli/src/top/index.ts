export { type LiveOptions, showLive } from "./live.ts";
export { render, type View } from "./render.ts";
export { type Sort, sorts, type TopState } from "./state.ts";
