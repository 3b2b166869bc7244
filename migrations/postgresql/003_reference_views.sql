CREATE VIEW "agentidp"."audit_events" AS
SELECT (b.entry ->> 'eventId')::uuid AS event_id, coalesce(nullif(b.entry ->> 'agentId', ''), a.id) AS agent_id,
    coalesce(nullif(b.entry ->> 'orgId', ''), o.id) AS organization_id, b.entry ->> 'action' AS action,
    CASE e.outcome WHEN 0 THEN 'success' ELSE 'failure' END AS outcome, b.entry ->> 'ip' AS ip_address,
    b.entry ->> 'userAgent' AS user_agent, b.entry -> 'metadata' AS metadata, e.ts AS "timestamp",
    encode(e.chain_hash, 'hex') AS hash, coalesce(encode(p.chain_hash, 'hex'), repeat('0', 64)) AS previous_hash,
    e.idx AS ledger_index
FROM "agentidp"."audit_entries" e
CROSS JOIN LATERAL (SELECT replace(convert_from(e.body, 'UTF8'), '\u0000', '\ufffd')::jsonb AS entry) b
LEFT JOIN "agentidp"."audit_entries" p ON p.idx = e.idx - 1
LEFT JOIN "agentidp"."agents" a ON a.num = e.agent_num
LEFT JOIN "agentidp"."organizations" o ON o.num = e.organization_num;
CREATE VIEW "agentidp"."oidc_keys" AS
SELECT kid, alg AS algorithm, public_jwk AS public_key, state = 'active' AS is_current, state AS status, compromised,
    created_at, published_at, activated_at, retiring_at, gone_at
FROM "agentidp"."signing_keys";
