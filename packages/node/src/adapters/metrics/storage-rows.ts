import type { HistoryJournal } from "../../history/index.ts";
import type { StorageFigures } from "../sqlite-store/index.ts";
import { counter, gauge, histogram, type MetricRow, valuesBy } from "./row.ts";

/** The disk; nothing where the node keeps nothing. */
export function storageRows(
  storage: StorageFigures | undefined,
  sizes: Readonly<Record<string, number>> = {},
  windows?: Pick<HistoryJournal, "appendUs" | "counters">,
): MetricRow[] {
  if (storage === undefined) return [];
  return [
    histogram(
      "myelin_store_commit_duration_seconds",
      "Commits by store, on their threads, the wait for the disk included",
      () => Object.entries(storage.commitUs).map(([store, took]) => [{ store }, took]),
    ),
    histogram(
      "myelin_store_write_duration_seconds",
      "Writes by what they write, from the call until they are on disk",
      () => [...storage.writeUs].map(([name, took]) => [{ write: snakeCase(name) }, took]),
    ),
    gauge("myelin_store_file_bytes", "Bytes on disk by kind of file", () =>
      valuesBy("file", Object.entries(sizes)),
    ),
    ...(windows === undefined ? [] : windowsRows(windows)),
  ];
}

function windowsRows({
  appendUs,
  counters,
}: Pick<HistoryJournal, "appendUs" | "counters">): MetricRow[] {
  return [
    histogram(
      "myelin_windows_append_duration_seconds",
      "From when a sample that rules read came, at the earliest, until its window was appended to the journal",
      () => [[{}, appendUs]],
    ),
    counter(
      "myelin_windows_appended_bytes_total",
      "Bytes appended to the journal of windows",
      () => counters.appendedBytes,
    ),
    counter(
      "myelin_windows_refused_total",
      "Appends that the disk did not take; all is written anew then",
      () => counters.refused,
    ),
  ];
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
