const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
// oxlint-disable-next-line no-control-regex -- what would steer a terminal is what is sought
const controls = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const plain = /^[\u0020-\u007e]*$/;
/** Code points that take two cells: East Asian wide and full width forms, and what is shown as a picture. */
const wide =
  /^(?:[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{17000}-\u{18cff}\u{1b000}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\p{Emoji}\ufe0f)/u;
const invisible = /^[\p{Mark}\p{Format}]+$/u;

/** The text without what would steer a terminal: controls, and changes of the writing's direction. */
export function printable(text: string): string {
  return plain.test(text) ? text : text.replaceAll(controls, "\u00b7");
}

/** Cells of a terminal that a text takes. */
export function widthOf(text: string): number {
  if (plain.test(text)) return text.length;
  let width = 0;
  for (const { segment } of segmenter.segment(text)) width += cellsOf(segment);
  return width;
}

/** The text in exactly `width` cells: cut with an ellipsis, or filled up with blanks. */
export function fitted(text: string, width: number, align: "left" | "right" = "left"): string {
  const cut = truncated(text, width);
  const blanks = " ".repeat(Math.max(0, width - widthOf(cut)));
  return align === "left" ? cut + blanks : blanks + cut;
}

/** The text in at most `width` cells, with an ellipsis where it is cut. */
export function truncated(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  if (width <= 0) return "";
  let [kept, used] = ["", 0];
  for (const { segment } of segmenter.segment(text)) {
    const cells = cellsOf(segment);
    if (used + cells > width - 1) break;
    kept += segment;
    used += cells;
  }
  return `${kept}\u2026`;
}

/** Cells of one character as people see it. */
function cellsOf(grapheme: string): number {
  if (wide.test(grapheme)) return 2;
  return invisible.test(grapheme) ? 0 : 1;
}
