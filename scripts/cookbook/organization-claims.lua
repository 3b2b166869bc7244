-- Each organization's own claims. An organization that the document does not list adds none.
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
      return add { cost_center = own.cost_center, region = own.region }
    end,
  },
}
