-- An agent gets scopes of its own environment only. The document lists, for each environment, what it never gets.
-- An environment that the document does not list gets nothing.
local function fenced(scope, globs)
  for i = 1, #globs do
    if str.glob(scope, globs[i]) then return true end
  end
  return false
end

return {
  api = 1,
  name = "environment-fence",
  version = "1",
  needs = { "data.environment_fence" },
  hooks = {
    scope_check = function(ctx)
      local globs = data.environment_fence[ctx.agent.deploymentEnv]
      if not globs then return deny("unknown_environment", "no rule exists for this agent's environment") end
      local keep = {}
      for _, scope in ipairs(ctx.scopes) do
        if not fenced(scope, globs) then keep[#keep + 1] = scope end
      end
      if #keep == 0 then return deny("foreign_environment", "every requested scope belongs to another environment") end
      return narrow { scopes = keep }
    end,
  },
}
