-- The script of the fixture: what corp-scope-guard would be after somebody took `pay` away from staging and `claims` out.
return {
  api = 1,
  name = "corp-scope-guard",
  version = "2026.11.1",
  hooks = {
    scope_check = function(ctx)
      local keep = {}
      for _, scope in ipairs(ctx.scopes) do
        local tool = str.after(scope, "tool:")
        if ctx.agent.deploymentEnv == "production" or not (tool and set.has({ "pay", "shell" }, tool)) then keep[#keep + 1] = scope end
      end
      if #keep == 0 then return deny("no_scope_left", "no requested scope is allowed for this agent") end
      return narrow { scopes = keep, max_ttl = 300 }
    end,
    audit_enrich = function(event)
      return enrich { team = event.agent.owner or "unowned" }
    end,
  },
}
