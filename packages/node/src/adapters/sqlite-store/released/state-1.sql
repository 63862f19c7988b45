PRAGMA application_id = 1299801452;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE agent (
      sequence INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      record TEXT NOT NULL
    ) STRICT;
INSERT INTO "agent" VALUES(1,'w1','{"id":"w1","type":"worker","tier":"edge","labels":{"zone":"a"},"capabilities":["gpu"],"parts":[{"name":"app","incarnation":"life-1","timeLine":"t1","actions":[{"name":"restart","isIdempotent":true}],"sdkName":"myelin-js","sdkVersion":"0.1.0","lastSeenUs":1790000005000000}],"firstSeenUs":1790000000000000,"lastSeenUs":1790000005000000}');
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
    ) STRICT;
INSERT INTO "instruction" VALUES(1,'AAAAAAAAAAAAAAAAAAAAAA','b1','w1','app','stop','{"grace":"5s"}',5.0,'stop-w1','local',1.790000002e+15,1.7900036e+15,60000000.0,'sent','life-1',NULL,NULL,NULL,1);
INSERT INTO "instruction" VALUES(2,'BBBBBBBBBBBBBBBBBBBBBB','b1','w1',NULL,'stop','{}',5.0,NULL,'local',1.790000002e+15,1.7900036e+15,60000000.0,'executed',NULL,9.0e+15,'{"pid":7}',NULL,1);
CREATE TABLE rule (
      name TEXT NOT NULL,
      version INTEGER NOT NULL,
      record TEXT NOT NULL,
      PRIMARY KEY (name, version)
    ) STRICT, WITHOUT ROWID;
INSERT INTO "rule" VALUES('hot',1,'{"name":"hot","version":1,"meaningVersion":1,"source":{"name":"hot","expr":"cpu_usage > 0.9","action":"restart"},"createdAtUs":1790000000000000,"actor":"local","isDeleted":false}');
INSERT INTO "rule" VALUES('hot',2,'{"name":"hot","version":2,"meaningVersion":2,"source":{"name":"hot","expr":"cpu_usage > 0.8","action":"restart"},"createdAtUs":1790000001000000,"actor":"token:ops","isDeleted":false}');
CREATE INDEX instruction_key ON instruction (idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX instruction_open ON instruction (sequence) WHERE status IN ('accepted', 'sent', 'received');
CREATE INDEX instruction_ended ON instruction (ended_at_us) WHERE ended_at_us IS NOT NULL;
COMMIT;
