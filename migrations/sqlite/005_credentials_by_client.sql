CREATE INDEX "credentials_by_client_id_created_at" ON "credentials" ("client_id", "created_at");
