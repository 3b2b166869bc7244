local function asked(env, ...)
  return { scopes = { ... }, agent = { deploymentEnv = env, owner = "payments" } }
end

return {
  { name = "staging keeps harmless tools", hook = "scope_check", input = asked("staging", "agents:read", "tool:read", "tool:pay"),
    expect = narrow { scopes = { "agents:read", "tool:read" }, max_ttl = 300 } },
  { name = "production keeps all", hook = "scope_check", input = asked("production", "tool:pay"),
    expect = narrow { scopes = { "tool:pay" }, max_ttl = 300 } },
  { name = "nothing left is a deny", hook = "scope_check", input = asked("development", "tool:shell"),
    expect = deny("no_scope_left", "no requested scope is allowed for this agent") },
  { name = "the team of the owner", hook = "claims", input = asked("production"), expect = add { x_team = "payments" } },
  { name = "an owner that no document lists", hook = "claims", input = { agent = { owner = "nobody" } }, expect = add { x_team = "unowned" } },
  { name = "the team in the ledger", hook = "audit_enrich", input = asked("staging"), expect = enrich { team = "payments" } },
  { name = "an event about nobody", hook = "audit_enrich", input = {}, expect = enrich { team = "unowned" } },
}
