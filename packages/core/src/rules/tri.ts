/** A truth value of three-valued logic: {@link FALSE}, {@link TRUE} or {@link UNKNOWN}. */
export type Tri = 0 | 1 | 2;

export const FALSE: 0 = 0;
export const TRUE: 1 = 1;
export const UNKNOWN: 2 = 2;
