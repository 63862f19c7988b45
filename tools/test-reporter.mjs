// Node's spec reporter without the closing counts: tools/check.mjs prints those once, over all suites.
import { Readable } from "node:stream";
import { spec } from "node:test/reporters";

const closingCount = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

async function* withoutCounts(source) {
  for await (const event of source) {
    const isCount =
      event.type === "test:diagnostic" &&
      event.data.nesting === 0 &&
      closingCount.test(event.data.message);
    if (!isCount) yield event;
  }
}

export default async function* suiteReporter(source) {
  yield* Readable.from(withoutCounts(source), { objectMode: true }).pipe(spec());
}
