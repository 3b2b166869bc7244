-- A tool needs as much assurance as its document says; an agent has what its label `assurance` says, and none where it has no label.
-- A tool that no document lists is not granted: the list is an allow-list.
local function may(scope, level)
  local tool = str.after(scope, "tool:")
  if not tool then return true end
  local wanted = data.tool_assurance.tools[tool]
  return wanted ~= nil and level >= data.tool_assurance.levels[wanted]
end

return {
  api = 1,
  name = "tool-assurance",
  version = "1",
  needs = { "data.tool_assurance" },
  hooks = {
    scope_check = function(ctx)
      local label = ctx.agent.labels and ctx.agent.labels.assurance
      local level = label and data.tool_assurance.levels[label] or 0
      local keep = {}
      for _, scope in ipairs(ctx.scopes) do
        if may(scope, level) then keep[#keep + 1] = scope end
      end
      if #keep == #ctx.scopes then return allow() end
      if #keep == 0 then return deny("assurance_too_low", "the agent's assurance is too low for every tool it asked for") end
      return narrow { scopes = keep }
    end,
  },
}
