-- Each organization's own claims, under names that the setting claims.allowed permits: x_* unless it is set. An organization that the
-- document does not list adds none.
return {
  api = 1,
  name = "organization-claims",
  version = "1",
  needs = { "data.organization_claims" },
  claims = { on_error = "omit" },
  hooks = {
    claims = function(ctx)
      local own = data.organization_claims[ctx.agent.organizationId]
      if not own then return add {} end
      return add { x_cost_center = own.cost_center, x_region = own.region }
    end,
  },
}
