-- Tags an agent's events once it failed to authenticate too often. The count is kept in this process and ends with its window: it is a tag
-- for people to look at, and no lock.
local kWindow = 300
local kMany = 5

return {
  api = 1,
  name = "failure-anomaly",
  version = "1",
  needs = { "counter" },
  hooks = {
    audit_enrich = function(event)
      local who = event.agent and event.agent.agentId or "unknown"
      local failures
      if event.action == "auth.failed" then
        failures = counter.add(who, 1, kWindow)
      else
        failures = counter.get(who, kWindow)
      end
      if failures < kMany then return enrich {} end
      return enrich { anomaly = "many_failures", failures = failures }
    end,
  },
}
