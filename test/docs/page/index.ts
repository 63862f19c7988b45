export { unknownScripts } from "./expectations.ts";
export { foldersOfRuns } from "./folder.ts";
export { type Page, readPages, repositoryRoot } from "./pages.ts";
export { runPage } from "./run-page.ts";
export { isRunnable, tags } from "./tags.ts";
export { typeErrors } from "./type-check.ts";
