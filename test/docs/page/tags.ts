/** What becomes of a block, by its tag. A block with another tag fails the tests: nothing goes unrun. */
export const tags: ReadonlyMap<string, string> = new Map([
  ["ts run", "type-checked, and run to its end against a node"],
  ["ts live", "type-checked, and run until the page's end"],
  ["ts check", "type-checked"],
  ["sh run", "run to its end, with `myelin` calling a node"],
  ["sh live", "run until the page's end"],
  ["sh npm", "each npm script in it is one of package.json"],
  ["yaml rules", "accepted as a rule file"],
  ["json rules", "accepted as a rule file"],
  ["yaml test", "passes as a file of tests of rules"],
  ["yaml refused", "refused as a rule file, with the problems that its `# error:` lines name"],
  ["yaml config", "accepted as a node's configuration"],
  ["http run", "sent to a node"],
  ["json answer", "has the shape of what the node answered to the request before"],
  ["text answer", "the first word of each line is in what the node answered"],
  ["json say", "sent to a node as one text, over the page's own WebSocket in JSON"],
  ["json hear", "the next frame that comes over that WebSocket has these operations"],
  [
    "text output",
    "its lines are in the output of the shell block before, but for numbers, folders, ids and secrets",
  ],
  [
    "text",
    "a picture, what lives on prints later, or what a page cannot run; not the output of a block that is run to its end",
  ],
]);

/** True for a page with something to run on a node. */
export function isRunnable(tag: string): boolean {
  return tag !== "text" && tag !== "ts check" && tag !== "sh npm" && tags.has(tag);
}
