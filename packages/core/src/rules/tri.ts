/** A truth value of three-valued logic: {@link FALSE}, {@link TRUE} or {@link UNKNOWN}. */
export type Tri = 0 | 1 | 2;

/** Does not hold. */
export const FALSE: 0 = 0;
/** Holds. */
export const TRUE: 1 = 1;
/** Nobody knows: something that is read is missing, or not a number. */
export const UNKNOWN: 2 = 2;
