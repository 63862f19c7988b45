PRAGMA application_id = 1299801452;
PRAGMA user_version = 6;
BEGIN TRANSACTION;
CREATE TABLE agent (
      sequence INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      record TEXT NOT NULL
    ) STRICT;
INSERT INTO "agent" VALUES(1,'w1','{"id":"w1","type":"worker","tier":"edge","labels":{"zone":"a"},"capabilities":["gpu"],"parts":[{"name":"app","incarnation":"life-1","timeLine":"t1","actions":[{"name":"restart","isIdempotent":true}],"sdkName":"myelin-js","sdkVersion":"0.1.0","lastSeenUs":1790000005000000}],"firstSeenUs":1790000000000000,"lastSeenUs":1790000005000000}');
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
INSERT INTO "audit" VALUES(1,1.79e+15,'local','rules.apply','hot','done',NULL,'local','{}');
CREATE TABLE episode (
      agent TEXT NOT NULL,
      rule TEXT NOT NULL,
      record TEXT NOT NULL,
      PRIMARY KEY (agent, rule)
    ) STRICT, WITHOUT ROWID;
INSERT INTO "episode" VALUES('w1','hot','{"agent":"w1","rule":"hot","meaningVersion":2,"timeLine":"app/life-1/t1/0","startedAtUs":1790000004000000,"attempt":1,"isOver":false,"appliedUntilUs":{"app/life-1/t1":1790000004000000}}');
CREATE TABLE instruction (
      sequence INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      batch TEXT NOT NULL,
      agent TEXT NOT NULL,
      part TEXT,
      action TEXT NOT NULL,
      args TEXT NOT NULL,
      priority REAL NOT NULL,
      idempotency_key TEXT,
      actor TEXT NOT NULL,
      created_at_us REAL NOT NULL,
      deadline_us REAL NOT NULL,
      timeout_us REAL NOT NULL,
      status TEXT NOT NULL CHECK (status IN
        ('accepted', 'sent', 'received', 'executed', 'failed', 'rejected', 'expired', 'canceled')),
      incarnation TEXT,
      ended_at_us REAL,
      result TEXT,
      error TEXT,
      is_durable INTEGER NOT NULL
    , is_outlived INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO "instruction" VALUES(1,'AAAAAAAAAAAAAAAAAAAAAA','b1','w1','app','stop','{"grace":"5s"}',5.0,'stop-w1','local',1.790000002e+15,1.7900036e+15,60000000.0,'sent','life-1',NULL,NULL,NULL,1,1);
INSERT INTO "instruction" VALUES(2,'BBBBBBBBBBBBBBBBBBBBBB','b1','w1',NULL,'stop','{}',5.0,NULL,'local',1.790000002e+15,1.7900036e+15,60000000.0,'executed',NULL,9.0e+15,'{"pid":7}',NULL,1,0);
CREATE TABLE "rule" (
      sequence INTEGER PRIMARY KEY,
      name TEXT NOT NULL,
      version INTEGER NOT NULL,
      record TEXT NOT NULL,
      UNIQUE (name, version)
    ) STRICT;
INSERT INTO "rule" VALUES(1,'hot',1,'{"name":"hot","version":1,"meaningVersion":1,"source":{"name":"hot","expr":"cpu_usage > 0.9","action":"restart"},"createdAtUs":1790000000000000,"actor":"local","isDeleted":false}');
INSERT INTO "rule" VALUES(2,'hot',2,'{"name":"hot","version":2,"meaningVersion":2,"source":{"name":"hot","expr":"cpu_usage > 0.8","action":"restart"},"createdAtUs":1790000001000000,"actor":"token:ops","isDeleted":false}');
CREATE TABLE setting (
      name TEXT PRIMARY KEY,
      record TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
INSERT INTO "setting" VALUES('enforcement','{"isOn":false,"changedAtUs":1790000000000000,"actor":"local","reason":"test"}');
CREATE TABLE token (
      sequence INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      record TEXT NOT NULL
    ) STRICT;
INSERT INTO "token" VALUES(1,'5fx28yzu','{"id":"5fx28yzu","name":"ops","role":"operator","hash":"0000000000000000000000000000000000000000000000000000000000000000","createdAtUs":1790000000000000,"createdBy":"local"}');
CREATE INDEX instruction_key ON instruction (idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX instruction_open ON instruction (sequence) WHERE status IN ('accepted', 'sent', 'received');
CREATE INDEX instruction_ended ON instruction (ended_at_us) WHERE ended_at_us IS NOT NULL;
CREATE TRIGGER audit_not_replaced BEFORE INSERT ON audit
      WHEN EXISTS (SELECT 1 FROM audit WHERE sequence = NEW.sequence)
      BEGIN SELECT RAISE(ABORT, 'entries of the audit are not replaced'); END;
CREATE TRIGGER audit_not_changed BEFORE UPDATE ON audit
      BEGIN SELECT RAISE(ABORT, 'entries of the audit are not changed'); END;
CREATE TRIGGER audit_kept BEFORE DELETE ON audit
      WHEN OLD.sequence > (SELECT max(sequence) FROM audit) - 1000000
        AND OLD.time_us >= (SELECT time_us FROM audit ORDER BY sequence DESC LIMIT 1) - 7776000000000
      BEGIN SELECT RAISE(ABORT, 'entries of the audit are kept until they are past its retention'); END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('audit',1);
COMMIT;
