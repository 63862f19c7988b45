// A test reporter that writes the runner's closing counts as one line of JSON.
export default async function* testCounts(source) {
  for await (const event of source) {
    if (event.type !== "test:summary" || event.data.file !== undefined) continue;
    const { counts, duration_ms } = event.data;
    const { tests, suites, passed, failed, cancelled, skipped, todo } = counts;
    const line = {
      tests,
      suites,
      pass: passed,
      fail: failed,
      cancelled,
      skipped,
      todo,
      duration_ms,
    };
    yield `${JSON.stringify(line)}\n`;
  }
}
