CREATE TABLE "hook_bundles" (
    "number" INTEGER PRIMARY KEY,
    "sha256" TEXT NOT NULL,
    "bundle" TEXT NOT NULL,
    "pushed_by" TEXT NOT NULL,
    "pushed_at" INTEGER NOT NULL
) STRICT;
