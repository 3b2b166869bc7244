local function agent(label, scopes, expect, name)
  return { name = name, hook = "scope_check", input = { scopes = scopes, agent = { labels = { assurance = label } } }, expect = expect }
end

return {
  agent("high", { "tool:pay", "tool:search" }, allow(), "high has every listed tool"),
  agent("substantial", { "tool:pay", "tool:mail" }, narrow { scopes = { "tool:mail" } }, "substantial cannot pay"),
  agent("low", { "tool:pay", "tool:mail" },
    deny("assurance_too_low", "the agent's assurance is too low for every tool it asked for"), "low has neither"),
  agent("high", { "tool:shell", "agents:read" }, narrow { scopes = { "agents:read" } }, "a tool that nobody listed"),
  agent("enormous", { "tool:search" }, deny("assurance_too_low"), "a label that means nothing"),
  { name = "no label", hook = "scope_check", input = { scopes = { "tool:search" }, agent = {} }, expect = deny("assurance_too_low") },
}
