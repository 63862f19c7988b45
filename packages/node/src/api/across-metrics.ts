/** Metrics of several lanes in one text: each sample bears the label `lane`, each metric is described once. */

interface Family {
  /** What describes it. */
  readonly comments: string[];
  readonly samples: string[];
}

/** Joins texts of the Prometheus format by the names of those they are from. */
export function mergedMetrics(texts: readonly (readonly [lane: string, text: string])[]): string {
  const families = new Map<string, Family>();
  for (const [lane, text] of texts) {
    let family: Family = { comments: [], samples: [] };
    let isKnown = false;
    for (const line of text.split("\n")) {
      if (line === "") continue;
      const described = /^# (HELP|TYPE) (\S+)/.exec(line);
      if (described === null) {
        family.samples.push(labelled(line, lane));
        continue;
      }
      const [, kind, name = ""] = described;
      if (kind === "HELP") {
        isKnown = families.has(name);
        family = families.get(name) ?? { comments: [], samples: [] };
        families.set(name, family);
      }
      if (!isKnown) family.comments.push(line);
    }
  }
  const lines = [...families.values()].flatMap(({ comments, samples }) => [
    ...comments,
    ...samples,
  ]);
  return `${lines.join("\n")}\n`;
}

/** A sample's line with one more label: `name{a="b"} 1` or `name 1`. */
function labelled(line: string, lane: string): string {
  const label = `lane="${lane}"`;
  const brace = line.indexOf("{");
  const space = line.indexOf(" ");
  if (brace !== -1 && brace < space)
    return `${line.slice(0, brace + 1)}${label},${line.slice(brace + 1)}`;
  return `${line.slice(0, space)}{${label}}${line.slice(space)}`;
}
