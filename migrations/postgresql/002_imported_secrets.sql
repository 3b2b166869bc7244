ALTER TABLE "agentidp"."credentials" ADD COLUMN "secret_hash" text COLLATE "C";
