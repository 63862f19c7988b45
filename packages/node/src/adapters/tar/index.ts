export { blockBytes, type Entry, entryOf, headerOf, paddingOf } from "./tar.ts";
export { tarGz } from "./tar-gz.ts";
