local function failed(name, times, expect, agent)
  return { name = name, hook = "audit_enrich", times = times, input = { action = "auth.failed", agent = agent and { agentId = agent } }, expect = enrich(expect) }
end

return {
  failed("one failure", 1, {}, "a"),
  failed("four failures", 4, {}, "a"),
  failed("the fifth is tagged", 5, { anomaly = "many_failures", failures = 5 }, "a"),
  failed("failures of nobody known count together", 6, { anomaly = "many_failures", failures = 6 }),
  { name = "success counts nothing", hook = "audit_enrich", times = 9, input = { action = "token.issued", agent = { agentId = "a" } },
    expect = enrich {} },
}
