CREATE VIEW "audit_events" AS
SELECT json_extract(CAST(e.body AS TEXT), '$.eventId') AS event_id,
    coalesce(nullif(json_extract(CAST(e.body AS TEXT), '$.agentId'), ''), a.id) AS agent_id,
    coalesce(nullif(json_extract(CAST(e.body AS TEXT), '$.orgId'), ''), o.id) AS organization_id,
    json_extract(CAST(e.body AS TEXT), '$.action') AS action, iif(e.outcome = 0, 'success', 'failure') AS outcome,
    json_extract(CAST(e.body AS TEXT), '$.ip') AS ip_address, json_extract(CAST(e.body AS TEXT), '$.userAgent') AS user_agent,
    json_extract(CAST(e.body AS TEXT), '$.metadata') AS metadata,
    coalesce(json_extract(CAST(e.body AS TEXT), '$.ts'), strftime('%Y-%m-%dT%H:%M:%fZ', e.ts / 1000000.0, 'unixepoch')) AS "timestamp",
    lower(hex(e.chain_hash)) AS hash, iif(p.idx IS NULL, printf('%064d', 0), lower(hex(p.chain_hash))) AS previous_hash,
    e.idx AS ledger_index
FROM audit_entries e
LEFT JOIN audit_entries p ON p.idx = e.idx - 1
LEFT JOIN agents a ON a.num = e.agent_num
LEFT JOIN organizations o ON o.num = e.organization_num;
CREATE VIEW "oidc_keys" AS
SELECT kid, alg AS algorithm, public_jwk AS public_key, state = 'active' AS is_current, state AS status, compromised,
    strftime('%Y-%m-%dT%H:%M:%fZ', created_at / 1000000.0, 'unixepoch') AS created_at, strftime('%Y-%m-%dT%H:%M:%fZ', published_at / 1000000.0, 'unixepoch') AS published_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', activated_at / 1000000.0, 'unixepoch') AS activated_at, strftime('%Y-%m-%dT%H:%M:%fZ', retiring_at / 1000000.0, 'unixepoch') AS retiring_at, strftime('%Y-%m-%dT%H:%M:%fZ', gone_at / 1000000.0, 'unixepoch') AS gone_at
FROM signing_keys;
