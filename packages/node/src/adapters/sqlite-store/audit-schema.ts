/**
 * The audit's table. Its entries can be added, and nothing else: triggers refuse every change, and
 * every deletion of what is still to be kept.
 */
export function auditSchema(retention: {
  readonly maxEntries: number;
  readonly maxAgeUs: number;
}): string {
  return `
    CREATE TABLE audit (
      sequence INTEGER PRIMARY KEY AUTOINCREMENT,
      time_us REAL NOT NULL,
      actor TEXT NOT NULL,
      act TEXT NOT NULL,
      subject TEXT NOT NULL,
      outcome TEXT NOT NULL CHECK (outcome IN ('done', 'failed', 'refused')),
      code TEXT,
      address TEXT NOT NULL,
      details TEXT NOT NULL
    ) STRICT;
    CREATE TRIGGER audit_not_replaced BEFORE INSERT ON audit
      WHEN EXISTS (SELECT 1 FROM audit WHERE sequence = NEW.sequence)
      BEGIN SELECT RAISE(ABORT, 'entries of the audit are not replaced'); END;
    CREATE TRIGGER audit_not_changed BEFORE UPDATE ON audit
      BEGIN SELECT RAISE(ABORT, 'entries of the audit are not changed'); END;
    CREATE TRIGGER audit_kept BEFORE DELETE ON audit
      WHEN OLD.sequence > (SELECT max(sequence) FROM audit) - ${retention.maxEntries}
        AND OLD.time_us >= (SELECT time_us FROM audit ORDER BY sequence DESC LIMIT 1) - ${retention.maxAgeUs}
      BEGIN SELECT RAISE(ABORT, 'entries of the audit are kept until they are past its retention'); END;
    `;
}

/** Deletes some entries past their retention, oldest first. Its parameters are age, number and limit. */
export const auditPruning = `
  DELETE FROM audit WHERE sequence IN (
    SELECT sequence FROM audit
    WHERE sequence <= (SELECT max(sequence) FROM audit) - :maxEntries
      OR (sequence < (SELECT max(sequence) FROM audit)
        AND time_us < (SELECT time_us FROM audit ORDER BY sequence DESC LIMIT 1) - :maxAgeUs)
    ORDER BY sequence LIMIT :limit)`;
