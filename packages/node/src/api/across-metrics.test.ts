import assert from "node:assert/strict";
import { test } from "node:test";
import { mergedMetrics } from "./across-metrics.ts";

test("metrics of lanes are one text: each sample with its lane, each metric described once", () => {
  const text = (value: number): string =>
    `# HELP a What a is\n# TYPE a counter\na{status="x y"} ${value}\n\n# HELP b Of {braces}\n# TYPE b gauge\nb ${value}\n`;
  const more = "# HELP c Only here\n# TYPE c gauge\nc 5\n";
  assert.equal(
    mergedMetrics([
      ["front", text(1)],
      ["0", text(2) + more],
    ]),
    `# HELP a What a is
# TYPE a counter
a{lane="front",status="x y"} 1
a{lane="0",status="x y"} 2
# HELP b Of {braces}
# TYPE b gauge
b{lane="front"} 1
b{lane="0"} 2
# HELP c Only here
# TYPE c gauge
c{lane="0"} 5
`,
  );
});
