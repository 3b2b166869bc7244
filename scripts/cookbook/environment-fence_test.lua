local function asked(name, env, scopes, expect)
  return { name = name, hook = "scope_check", input = { scopes = scopes, agent = { deploymentEnv = env } }, expect = expect }
end

return {
  asked("staging never gets production", "staging", { "db:production", "db:production:write", "db:staging" }, narrow { scopes = { "db:staging" } }),
  asked("production keeps its own", "production", { "db:production" }, narrow { scopes = { "db:production" } }),
  asked("development gets neither", "development", { "db:production", "db:staging:read" },
    deny("foreign_environment", "every requested scope belongs to another environment")),
  asked("an environment without a rule", "moon", { "agents:read" }, deny("unknown_environment")),
  { name = "the rules are the document's", hook = "scope_check", data = { environment_fence = { staging = { "agents:*" } } },
    input = { scopes = { "agents:read", "db:production" }, agent = { deploymentEnv = "staging" } },
    expect = narrow { scopes = { "db:production" } } },
}
