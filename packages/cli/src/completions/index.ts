/** Scripts that complete the command line in shells, written from the command tree. */
import type { RouteMap } from "@stricli/core";
import type { CliContext } from "../context.ts";
import { bashScript } from "./bash.ts";
import { fishScript } from "./fish.ts";
import { type Place, placesByAnyName, placesOf, shellPlaces } from "./tree.ts";
import { zshScript } from "./zsh.ts";

export { type Place, placesByAnyName, placesOf };

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

/** The script for one shell. */
export function completionScript(
  shell: Shell,
  routes: RouteMap<CliContext>,
  context: CliContext,
): string {
  return scripts[shell](shellPlaces(routes, context));
}
