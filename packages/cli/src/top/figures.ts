import { numberOf } from "../output/index.ts";

/** A count, in groups of three digits. */
export function count(value: unknown): string {
  const number = numberOf(value);
  return number === null ? "-" : number.toLocaleString("en");
}

/** A part of 1, in percent. */
export function share(value: unknown): string {
  const part = numberOf(value);
  return part === null ? "-" : `${Math.round(part * 100)} %`;
}

/** So many each second. */
export function rate(value: unknown): string {
  const perSecond = numberOf(value);
  if (perSecond === null) return "-";
  return `${perSecond >= 100 ? Math.round(perSecond).toLocaleString("en") : perSecond}/s`;
}

/** A size as people read it. */
export function bytes(size: number | null): string {
  if (size === null) return "-";
  if (size < 1024) return `${Math.round(size)} B`;
  if (size < 1 << 20) return `${(size / 1024).toFixed(1)} KiB`;
  return size < 1 << 30
    ? `${(size / (1 << 20)).toFixed(1)} MiB`
    : `${(size / (1 << 30)).toFixed(1)} GiB`;
}

/** How long the node is up. */
export function upFor(seconds: number | null): string {
  if (seconds === null) return "-";
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400)
    return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}
