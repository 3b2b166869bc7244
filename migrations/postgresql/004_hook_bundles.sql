CREATE TABLE "agentidp"."hook_bundles" (
    "number" bigint NOT NULL,
    "sha256" text COLLATE "C" NOT NULL,
    "bundle" text COLLATE "C" NOT NULL,
    "pushed_by" text COLLATE "C" NOT NULL,
    "pushed_at" timestamptz NOT NULL,
    PRIMARY KEY ("number")
);
