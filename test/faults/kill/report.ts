import type { CampaignReport } from "./campaign.ts";

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** What a campaign came to, in one line. */
export function textOf(report: CampaignReport): string {
  const { accepted, unknown, begun, byRules, deaths, ends, restartsMs } = report;
  const sorted = restartsMs.toSorted((a, b) => a - b);
  const [median, slowest] = [quantile(sorted, 0.5), sorted.at(-1) ?? Number.NaN];
  const counts = [...ends].map(([status, count]) => `${count} ${status}`).join(", ");
  return (
    `${restartsMs.length} kills of the node, ${deaths} of its agents: ${accepted} instructions by hand accepted ` +
    `(${unknown} calls had no answer at first), ${counts}; ${begun} begun, ${byRules} of them by a rule; ` +
    `from start to serving ${median.toFixed(0)} ms in the median, ${slowest.toFixed(0)} ms at most`
  );
}
