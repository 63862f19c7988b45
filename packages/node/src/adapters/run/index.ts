export { crashFilesIn, openRun, type OpenRunOptions, type Run } from "./run.ts";
