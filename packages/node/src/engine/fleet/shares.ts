/** What the agents of one lane come to in a group. */
export interface GroupShare {
  /** The value of the label; "" of the fleet. */
  readonly group: string;
  readonly count: number;
  /** 0 unless a sum or an average is asked for. */
  readonly sum: number;
  /** Infinity where there is none, or nobody asks. */
  readonly least: number;
  /** -Infinity where there is none, or nobody asks. */
  readonly greatest: number;
}

/** What one lane tells of a division: the groups that have changed, or all, and then the others are empty. */
export interface DivisionShares {
  /** Metric and label. */
  readonly division: string;
  readonly isWhole: boolean;
  readonly groups: readonly GroupShare[];
}

/** What the other lanes have told of one division. */
export class OtherShares {
  /** By lane, then by group. */
  readonly #byLane = new Map<string, Map<string, GroupShare>>();

  hear(lane: string, { isWhole, groups }: DivisionShares): void {
    const present = isWhole ? undefined : this.#byLane.get(lane);
    const byGroup = present ?? new Map<string, GroupShare>();
    this.#byLane.set(lane, byGroup);
    for (const share of groups) {
      if (share.count > 0) byGroup.set(share.group, share);
      else byGroup.delete(share.group);
    }
  }

  /** A lane's share with those of all others. */
  withOthers(own: GroupShare): GroupShare {
    const { group } = own;
    let { count, sum, least, greatest } = own;
    for (const byGroup of this.#byLane.values()) {
      const share = byGroup.get(group);
      if (share === undefined) continue;
      count += share.count;
      sum += share.sum;
      least = Math.min(least, share.least);
      greatest = Math.max(greatest, share.greatest);
    }
    return { group, count, sum, least, greatest };
  }
}
