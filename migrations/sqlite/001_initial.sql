CREATE TABLE IF NOT EXISTS "schema_migrations" (
    "number" INTEGER PRIMARY KEY,
    "name" TEXT NOT NULL,
    "checksum" TEXT NOT NULL,
    "definition" TEXT NOT NULL,
    "applied_at" INTEGER NOT NULL
) STRICT;
CREATE TABLE "meta" (
    "name" TEXT NOT NULL,
    "value" TEXT NOT NULL,
    PRIMARY KEY ("name")
) STRICT, WITHOUT ROWID;
CREATE TABLE "organizations" (
    "num" INTEGER PRIMARY KEY,
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "slug" TEXT NOT NULL,
    "plan" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "limits" TEXT NOT NULL CHECK (json_valid("limits")),
    "created_at" INTEGER NOT NULL,
    "updated_at" INTEGER NOT NULL,
    "row_version" INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX "organizations_unique_id" ON "organizations" ("id");
CREATE UNIQUE INDEX "organizations_unique_slug" ON "organizations" ("slug");
CREATE TABLE "agents" (
    "num" INTEGER PRIMARY KEY,
    "id" TEXT NOT NULL,
    "organization_num" INTEGER NOT NULL,
    "email" TEXT NOT NULL,
    "agent_type" TEXT NOT NULL,
    "version" TEXT NOT NULL,
    "capabilities" TEXT NOT NULL CHECK (json_valid("capabilities")),
    "owner" TEXT NOT NULL,
    "deployment_env" TEXT NOT NULL,
    "scopes" TEXT NOT NULL CHECK (json_valid("scopes")),
    "claims" TEXT NOT NULL CHECK (json_valid("claims")),
    "labels" TEXT NOT NULL CHECK (json_valid("labels")),
    "status" TEXT NOT NULL,
    "tokens_not_before" INTEGER,
    "created_at" INTEGER NOT NULL,
    "updated_at" INTEGER NOT NULL,
    "row_version" INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX "agents_unique_id" ON "agents" ("id");
CREATE UNIQUE INDEX "agents_unique_organization_num_email" ON "agents" ("organization_num", "email");
CREATE INDEX "agents_by_organization_num_num" ON "agents" ("organization_num");
CREATE TABLE "credentials" (
    "id" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "agent_num" INTEGER NOT NULL,
    "secret_mac" BLOB,
    "pepper_id" TEXT,
    "vault_path" TEXT,
    "previous_mac" BLOB,
    "previous_pepper_id" TEXT,
    "previous_until" INTEGER,
    "status" TEXT NOT NULL,
    "created_at" INTEGER NOT NULL,
    "expires_at" INTEGER,
    "revoked_at" INTEGER,
    "last_used_at" INTEGER,
    "row_version" INTEGER NOT NULL,
    PRIMARY KEY ("id")
) STRICT;
CREATE INDEX "credentials_by_agent_num_created_at" ON "credentials" ("agent_num", "created_at");
CREATE INDEX "credentials_by_expires_at" ON "credentials" ("expires_at");
CREATE TABLE "token_revocations" (
    "jti" TEXT NOT NULL,
    "expires_at" INTEGER NOT NULL,
    "revoked_at" INTEGER NOT NULL,
    PRIMARY KEY ("jti")
) STRICT, WITHOUT ROWID;
CREATE INDEX "token_revocations_by_expires_at" ON "token_revocations" ("expires_at");
CREATE TABLE "token_monthly_counts" (
    "agent_num" INTEGER NOT NULL,
    "month" INTEGER NOT NULL,
    "count" INTEGER NOT NULL,
    PRIMARY KEY ("agent_num", "month")
) STRICT, WITHOUT ROWID;
CREATE TABLE "signing_keys" (
    "kid" TEXT NOT NULL,
    "alg" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "public_jwk" TEXT NOT NULL CHECK (json_valid("public_jwk")),
    "plugin" TEXT NOT NULL,
    "fingerprint" TEXT NOT NULL,
    "wrapped" BLOB,
    "compromised" INTEGER NOT NULL CHECK ("compromised" IN (0, 1)),
    "created_at" INTEGER NOT NULL,
    "published_at" INTEGER,
    "activates_at" INTEGER,
    "activated_at" INTEGER,
    "retiring_at" INTEGER,
    "gone_at" INTEGER,
    "row_version" INTEGER NOT NULL,
    PRIMARY KEY ("kid")
) STRICT;
CREATE TABLE "data_keys" (
    "id" TEXT NOT NULL,
    "purpose" TEXT NOT NULL,
    "plugin" TEXT NOT NULL,
    "wrapped" BLOB NOT NULL,
    "status" TEXT NOT NULL,
    "created_at" INTEGER NOT NULL,
    PRIMARY KEY ("id")
) STRICT;
CREATE INDEX "data_keys_by_purpose_created_at" ON "data_keys" ("purpose", "created_at");
CREATE TABLE "leases" (
    "name" TEXT NOT NULL,
    "holder" TEXT NOT NULL,
    "until" INTEGER NOT NULL,
    PRIMARY KEY ("name")
) STRICT, WITHOUT ROWID;
CREATE TABLE "job_runs" (
    "job" TEXT NOT NULL,
    "cursor" TEXT NOT NULL,
    "outcome" TEXT NOT NULL,
    "processed" INTEGER NOT NULL,
    "started_at" INTEGER,
    "finished_at" INTEGER,
    PRIMARY KEY ("job")
) STRICT, WITHOUT ROWID;
CREATE TABLE "job_findings" (
    "code" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "day" INTEGER NOT NULL,
    PRIMARY KEY ("code", "subject", "day")
) STRICT, WITHOUT ROWID;
CREATE TABLE "idempotency_keys" (
    "client_id" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "body_hash" BLOB NOT NULL,
    "status" INTEGER NOT NULL,
    "location" TEXT NOT NULL,
    "body" TEXT NOT NULL,
    "expires_at" INTEGER NOT NULL,
    PRIMARY KEY ("client_id", "key")
) STRICT;
CREATE INDEX "idempotency_keys_by_expires_at" ON "idempotency_keys" ("expires_at");
CREATE TABLE "audit_entries" (
    "idx" INTEGER PRIMARY KEY,
    "ts" INTEGER NOT NULL,
    "organization_num" INTEGER NOT NULL,
    "agent_num" INTEGER NOT NULL,
    "action" INTEGER NOT NULL,
    "outcome" INTEGER NOT NULL,
    "leaf" BLOB NOT NULL,
    "chain_hash" BLOB NOT NULL,
    "body" BLOB
) STRICT;
CREATE INDEX "audit_entries_by_organization_num_idx" ON "audit_entries" ("organization_num");
CREATE INDEX "audit_entries_by_agent_num_idx" ON "audit_entries" ("agent_num");
CREATE TABLE "audit_tiles" (
    "level" INTEGER NOT NULL,
    "idx" INTEGER NOT NULL,
    "hashes" BLOB NOT NULL,
    PRIMARY KEY ("level", "idx")
) STRICT;
CREATE TABLE "audit_tip" (
    "id" INTEGER PRIMARY KEY,
    "origin" TEXT NOT NULL,
    "size" INTEGER NOT NULL,
    "root" BLOB NOT NULL,
    "frontier" BLOB NOT NULL,
    "chain_hash" BLOB NOT NULL,
    "updated_at" INTEGER NOT NULL
) STRICT;
CREATE TABLE "audit_replicas" (
    "replica" TEXT NOT NULL,
    "epoch" INTEGER NOT NULL,
    "batch" INTEGER NOT NULL,
    "lseq" INTEGER NOT NULL,
    "size" INTEGER NOT NULL,
    PRIMARY KEY ("replica")
) STRICT, WITHOUT ROWID;
CREATE TABLE "audit_checkpoints" (
    "size" INTEGER NOT NULL,
    "origin" TEXT NOT NULL,
    "note" TEXT NOT NULL,
    "created_at" INTEGER NOT NULL,
    PRIMARY KEY ("origin", "size")
) STRICT, WITHOUT ROWID;
CREATE INDEX "audit_checkpoints_by_created_at" ON "audit_checkpoints" ("created_at");
CREATE TABLE "audit_retention" (
    "organization_num" INTEGER PRIMARY KEY,
    "idx" INTEGER NOT NULL,
    "retained_from" INTEGER NOT NULL
) STRICT;
