local function event(name, ip, userAgent, expect, now)
  return { name = name, hook = "audit_enrich", now = now, input = { request = { ip = ip, userAgent = userAgent } }, expect = enrich(expect) }
end

return {
  event("inside", "10.1.2.3", "curl/8.0", { zone = "internal", client = "curl", weekend = false }),
  event("a partner, over IPv4", "192.0.2.9", "Go-http-client/1.1", { zone = "partner", client = "Go-http-client", weekend = false }),
  event("outside, IPv6, on a Sunday", "2001:db8::1", "Mozilla/5.0 (somebody's)", { zone = "external", client = "other", weekend = true },
    "2026-01-04T12:00:00Z"),
  event("no address and no client", "", "", { zone = "none", client = "none", weekend = false }),
  event("no such members", nil, nil, { zone = "none", client = "none", weekend = false }),
  { name = "no request", hook = "audit_enrich", input = {}, expect = enrich { zone = "none", client = "none", weekend = false } },
}
