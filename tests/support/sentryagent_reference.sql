-- A database as sentryagent-idp leaves it, as far as its tables are publicly described: what `agentidp import sentryagent` reads in the tests.
-- Rows are the test's own.
CREATE TABLE organizations (
    organization_id uuid PRIMARY KEY,
    name varchar(100) NOT NULL,
    slug varchar(50) NOT NULL UNIQUE,
    plan_tier varchar(20) NOT NULL DEFAULT 'free',
    max_agents integer NOT NULL DEFAULT 100,
    max_tokens_per_month integer NOT NULL DEFAULT 10000,
    status varchar(20) NOT NULL DEFAULT 'active',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE agents (
    agent_id uuid PRIMARY KEY,
    organization_id uuid REFERENCES organizations,
    email varchar(255) NOT NULL UNIQUE,
    agent_type varchar(32) NOT NULL,
    version varchar(64) NOT NULL,
    capabilities text[] NOT NULL DEFAULT '{}',
    owner varchar(128) NOT NULL,
    deployment_env varchar(16) NOT NULL,
    status varchar(24) NOT NULL DEFAULT 'active',
    did text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE credentials (
    credential_id uuid PRIMARY KEY,
    client_id uuid NOT NULL REFERENCES agents ON DELETE CASCADE,
    secret_hash text,
    vault_path text,
    status varchar(16) NOT NULL DEFAULT 'active',
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);
CREATE TABLE audit_events (
    event_id uuid PRIMARY KEY,
    agent_id uuid NOT NULL,
    organization_id uuid,
    action varchar(64) NOT NULL,
    outcome varchar(16) NOT NULL,
    ip_address varchar(64) NOT NULL,
    user_agent text NOT NULL,
    metadata jsonb NOT NULL DEFAULT '{}',
    "timestamp" timestamptz NOT NULL DEFAULT now(),
    hash char(64),
    previous_hash char(64)
);
CREATE TABLE token_revocations (
    jti uuid PRIMARY KEY,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE token_monthly_counts (client_id uuid, year integer, month integer, count integer, PRIMARY KEY (client_id, year, month));
CREATE TABLE oidc_keys (kid text PRIMARY KEY, algorithm text NOT NULL, public_key text NOT NULL, is_current boolean NOT NULL DEFAULT true,
                        created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE schema_migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());
