-- The sample policy: high-risk tools only in production, short tokens, the team in claims and in the ledger.
return {
  api = 1,
  name = "corp-scope-guard",
  version = "2026.11.1",
  needs = { "data.high_risk_tools", "data.teams" },
  claims = { on_error = "omit" },
  hooks = {
    scope_check = function(ctx)
      local keep = {}
      for _, scope in ipairs(ctx.scopes) do
        local tool = str.after(scope, "tool:")
        if not (tool and data.high_risk_tools[tool] and ctx.agent.deploymentEnv ~= "production") then
          keep[#keep + 1] = scope
        end
      end
      if #keep == 0 then
        return deny("no_scope_left", "no requested scope is allowed for this agent")
      end
      return narrow { scopes = keep, max_ttl = 300 }
    end,

    claims = function(ctx)
      return add { x_team = data.teams[ctx.agent.owner] or "unowned" }
    end,

    audit_enrich = function(event)
      return enrich { team = event.agent and data.teams[event.agent.owner] or "unowned" }
    end,
  },
}
