/** The name under which it is noted that `who` was slow to send or to hear, and nothing else. */
export function slowness(who: string): string {
  return `slowness of ${who}`;
}

/** The name under which it is noted that the two clocks of the machine of `who` may not agree. */
export function clocksApart(who: string): string {
  return `clocks of ${who}`;
}

/** When what could not be relied on: the excuses that a run has for its outcomes. */
export class Troubles {
  readonly #spans = new Map<string, { readonly fromUs: number; readonly untilUs: number }[]>();
  readonly #deaths = new Map<string, number[]>();

  /** `who` (a part, or the node) was, or may have been, out of reach in this span of true time. */
  add(who: string, fromUs: number, untilUs: number): void {
    const spans = this.#spans.get(who) ?? [];
    spans.push({ fromUs, untilUs });
    this.#spans.set(who, spans);
  }

  /** An incarnation of `who` has died. */
  died(who: string, atUs: number): void {
    const deaths = this.#deaths.get(who) ?? [];
    deaths.push(atUs);
    this.#deaths.set(who, deaths);
  }

  hasDied(who: string, fromUs: number, untilUs: number): boolean {
    return this.#deaths.get(who)?.some((atUs) => atUs >= fromUs && atUs <= untilUs) ?? false;
  }

  /** True when any trouble of `who` touches the span. */
  touches(who: string, fromUs: number, untilUs: number): boolean {
    return (
      this.#spans.get(who)?.some((span) => span.fromUs <= untilUs && span.untilUs >= fromUs) ??
      false
    );
  }
}
