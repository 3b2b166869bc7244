CREATE SCHEMA IF NOT EXISTS "agentidp";
CREATE TABLE IF NOT EXISTS "agentidp"."schema_migrations" (
    "number" bigint PRIMARY KEY,
    "name" text NOT NULL,
    "checksum" text NOT NULL,
    "definition" text NOT NULL,
    "applied_at" timestamptz NOT NULL
);
CREATE TABLE "agentidp"."meta" (
    "name" text COLLATE "C" NOT NULL,
    "value" text COLLATE "C" NOT NULL,
    PRIMARY KEY ("name")
);
CREATE TABLE "agentidp"."organizations" (
    "num" bigint NOT NULL,
    "id" text COLLATE "C" NOT NULL,
    "name" text COLLATE "C" NOT NULL,
    "slug" text COLLATE "C" NOT NULL,
    "plan" text COLLATE "C" NOT NULL,
    "status" text COLLATE "C" NOT NULL,
    "limits" jsonb NOT NULL,
    "created_at" timestamptz NOT NULL,
    "updated_at" timestamptz NOT NULL,
    "row_version" bigint NOT NULL,
    PRIMARY KEY ("num")
);
CREATE UNIQUE INDEX "organizations_unique_id" ON "agentidp"."organizations" ("id");
CREATE UNIQUE INDEX "organizations_unique_slug" ON "agentidp"."organizations" ("slug");
CREATE TABLE "agentidp"."agents" (
    "num" bigint NOT NULL,
    "id" text COLLATE "C" NOT NULL,
    "organization_num" bigint NOT NULL,
    "email" text COLLATE "C" NOT NULL,
    "agent_type" text COLLATE "C" NOT NULL,
    "version" text COLLATE "C" NOT NULL,
    "capabilities" jsonb NOT NULL,
    "owner" text COLLATE "C" NOT NULL,
    "deployment_env" text COLLATE "C" NOT NULL,
    "scopes" jsonb NOT NULL,
    "claims" jsonb NOT NULL,
    "labels" jsonb NOT NULL,
    "status" text COLLATE "C" NOT NULL,
    "tokens_not_before" timestamptz,
    "created_at" timestamptz NOT NULL,
    "updated_at" timestamptz NOT NULL,
    "row_version" bigint NOT NULL,
    PRIMARY KEY ("num")
);
CREATE UNIQUE INDEX "agents_unique_id" ON "agentidp"."agents" ("id");
CREATE UNIQUE INDEX "agents_unique_organization_num_email" ON "agentidp"."agents" ("organization_num", "email");
CREATE INDEX "agents_by_organization_num_num" ON "agentidp"."agents" ("organization_num", "num");
CREATE TABLE "agentidp"."credentials" (
    "id" text COLLATE "C" NOT NULL,
    "client_id" text COLLATE "C" NOT NULL,
    "agent_num" bigint NOT NULL,
    "secret_mac" bytea,
    "pepper_id" text COLLATE "C",
    "vault_path" text COLLATE "C",
    "previous_mac" bytea,
    "previous_pepper_id" text COLLATE "C",
    "previous_until" timestamptz,
    "status" text COLLATE "C" NOT NULL,
    "created_at" timestamptz NOT NULL,
    "expires_at" timestamptz,
    "revoked_at" timestamptz,
    "last_used_at" timestamptz,
    "row_version" bigint NOT NULL,
    PRIMARY KEY ("id")
);
CREATE INDEX "credentials_by_agent_num_created_at" ON "agentidp"."credentials" ("agent_num", "created_at");
CREATE INDEX "credentials_by_expires_at" ON "agentidp"."credentials" ("expires_at" NULLS FIRST);
CREATE TABLE "agentidp"."token_revocations" (
    "jti" text COLLATE "C" NOT NULL,
    "expires_at" timestamptz NOT NULL,
    "revoked_at" timestamptz NOT NULL,
    PRIMARY KEY ("jti")
);
CREATE INDEX "token_revocations_by_expires_at" ON "agentidp"."token_revocations" ("expires_at");
CREATE TABLE "agentidp"."token_monthly_counts" (
    "agent_num" bigint NOT NULL,
    "month" bigint NOT NULL,
    "count" bigint NOT NULL,
    PRIMARY KEY ("agent_num", "month")
);
CREATE TABLE "agentidp"."signing_keys" (
    "kid" text COLLATE "C" NOT NULL,
    "alg" text COLLATE "C" NOT NULL,
    "state" text COLLATE "C" NOT NULL,
    "public_jwk" jsonb NOT NULL,
    "plugin" text COLLATE "C" NOT NULL,
    "fingerprint" text COLLATE "C" NOT NULL,
    "wrapped" bytea,
    "compromised" boolean NOT NULL,
    "created_at" timestamptz NOT NULL,
    "published_at" timestamptz,
    "activates_at" timestamptz,
    "activated_at" timestamptz,
    "retiring_at" timestamptz,
    "gone_at" timestamptz,
    "row_version" bigint NOT NULL,
    PRIMARY KEY ("kid")
);
CREATE TABLE "agentidp"."data_keys" (
    "id" text COLLATE "C" NOT NULL,
    "purpose" text COLLATE "C" NOT NULL,
    "plugin" text COLLATE "C" NOT NULL,
    "wrapped" bytea NOT NULL,
    "status" text COLLATE "C" NOT NULL,
    "created_at" timestamptz NOT NULL,
    PRIMARY KEY ("id")
);
CREATE INDEX "data_keys_by_purpose_created_at" ON "agentidp"."data_keys" ("purpose", "created_at");
CREATE TABLE "agentidp"."leases" (
    "name" text COLLATE "C" NOT NULL,
    "holder" text COLLATE "C" NOT NULL,
    "until" timestamptz NOT NULL,
    PRIMARY KEY ("name")
);
CREATE TABLE "agentidp"."job_runs" (
    "job" text COLLATE "C" NOT NULL,
    "cursor" text COLLATE "C" NOT NULL,
    "outcome" text COLLATE "C" NOT NULL,
    "processed" bigint NOT NULL,
    "started_at" timestamptz,
    "finished_at" timestamptz,
    PRIMARY KEY ("job")
);
CREATE TABLE "agentidp"."job_findings" (
    "code" text COLLATE "C" NOT NULL,
    "subject" text COLLATE "C" NOT NULL,
    "day" bigint NOT NULL,
    PRIMARY KEY ("code", "subject", "day")
);
CREATE TABLE "agentidp"."idempotency_keys" (
    "client_id" text COLLATE "C" NOT NULL,
    "key" text COLLATE "C" NOT NULL,
    "body_hash" bytea NOT NULL,
    "status" bigint NOT NULL,
    "location" text COLLATE "C" NOT NULL,
    "body" text COLLATE "C" NOT NULL,
    "expires_at" timestamptz NOT NULL,
    PRIMARY KEY ("client_id", "key")
);
CREATE INDEX "idempotency_keys_by_expires_at" ON "agentidp"."idempotency_keys" ("expires_at");
CREATE TABLE "agentidp"."audit_entries" (
    "idx" bigint NOT NULL,
    "ts" timestamptz NOT NULL,
    "organization_num" bigint NOT NULL,
    "agent_num" bigint NOT NULL,
    "action" bigint NOT NULL,
    "outcome" bigint NOT NULL,
    "leaf" bytea NOT NULL,
    "chain_hash" bytea NOT NULL,
    "body" bytea,
    PRIMARY KEY ("idx")
);
CREATE INDEX "audit_entries_by_organization_num_idx" ON "agentidp"."audit_entries" ("organization_num", "idx");
CREATE INDEX "audit_entries_by_agent_num_idx" ON "agentidp"."audit_entries" ("agent_num", "idx");
CREATE TABLE "agentidp"."audit_tiles" (
    "level" bigint NOT NULL,
    "idx" bigint NOT NULL,
    "hashes" bytea NOT NULL,
    PRIMARY KEY ("level", "idx")
);
CREATE TABLE "agentidp"."audit_tip" (
    "id" bigint NOT NULL,
    "origin" text COLLATE "C" NOT NULL,
    "size" bigint NOT NULL,
    "root" bytea NOT NULL,
    "frontier" bytea NOT NULL,
    "chain_hash" bytea NOT NULL,
    "updated_at" timestamptz NOT NULL,
    PRIMARY KEY ("id")
);
CREATE TABLE "agentidp"."audit_replicas" (
    "replica" text COLLATE "C" NOT NULL,
    "epoch" bigint NOT NULL,
    "batch" bigint NOT NULL,
    "lseq" bigint NOT NULL,
    "size" bigint NOT NULL,
    PRIMARY KEY ("replica")
);
CREATE TABLE "agentidp"."audit_checkpoints" (
    "size" bigint NOT NULL,
    "origin" text COLLATE "C" NOT NULL,
    "note" text COLLATE "C" NOT NULL,
    "created_at" timestamptz NOT NULL,
    PRIMARY KEY ("origin", "size")
);
CREATE INDEX "audit_checkpoints_by_created_at" ON "agentidp"."audit_checkpoints" ("created_at");
CREATE TABLE "agentidp"."audit_retention" (
    "organization_num" bigint NOT NULL,
    "idx" bigint NOT NULL,
    "retained_from" timestamptz NOT NULL,
    PRIMARY KEY ("organization_num")
);
