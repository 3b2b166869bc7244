local function at(name, now, scopes, expect)
  return { name = name, hook = "scope_check", now = now, input = { scopes = scopes }, expect = expect }
end

return {
  at("Monday noon", "2026-01-05T12:00:00Z", { "tool:deploy" }, allow()),
  at("17:59 in the office", "2026-01-05T16:59:59Z", { "tool:deploy" }, allow()),
  at("18:00 in the office", "2026-01-05T17:00:00Z", { "tool:deploy", "agents:read" }, narrow { scopes = { "agents:read" } }),
  at("before eight", "2026-01-05T06:59:59Z", { "tool:payout" },
    deny("outside_business_hours", "these scopes are granted in business hours only")),
  at("Sunday", "2026-01-04T12:00:00Z", { "tool:deploy" }, deny("outside_business_hours")),
}
