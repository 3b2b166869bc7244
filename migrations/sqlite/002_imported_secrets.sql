ALTER TABLE "credentials" ADD COLUMN "secret_hash" TEXT;
