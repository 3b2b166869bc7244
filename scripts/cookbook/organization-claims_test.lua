local function of(id, expect, name)
  return { name = name, hook = "claims", input = { agent = { organizationId = id } }, expect = expect }
end

return {
  of("0192f0c4-0000-7000-8000-000000000001", add { x_cost_center = "cc-1200", x_region = "eu" }, "both claims"),
  of("0192f0c4-0000-7000-8000-000000000002", add { x_region = "us" }, "one claim"),
  of("0192f0c4-0000-7000-8000-00000000000f", add {}, "not listed"),
}
