/** Hot spells of a part's load, of which each is told from the next by the load itself. */

/** Load above which the rules of the run act; below is calm. */
const hotLoad = 0.95;
/** What tells the loads of one hot spell from those of the next. */
const spellStep = 1e-6;

/** The load of a hot spell, which count from 1. */
export function loadOfSpell(spell: number): number {
  return hotLoad + spell * spellStep;
}

/** The hot spell that the text of the rule's args tells of; undefined for a load of none. */
export function spellOf(reason: unknown): number | undefined {
  const [, load] = /^load (\d+\.\d+)$/.exec(String(reason)) ?? [];
  return spellOfLoad(Number(load));
}

/** The hot spell of a load; undefined for one of none. */
export function spellOfLoad(load: number): number | undefined {
  const spell = Math.round((load - hotLoad) / spellStep);
  return spell > 0 ? spell : undefined;
}
