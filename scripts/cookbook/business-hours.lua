-- Some scopes are for hours in which somebody is there to see what they do. Hours are local: utc_offset is minutes east of UTC.
local function open(hours)
  local day = time.weekday(hours.utc_offset)
  local hour = time.hour(hours.utc_offset)
  return day >= hours.first_day and day <= hours.last_day and hour >= hours.from and hour < hours.to
end

local function limited(scope)
  for i = 1, #data.business_hours.scopes do
    if str.glob(scope, data.business_hours.scopes[i]) then return true end
  end
  return false
end

return {
  api = 1,
  name = "business-hours",
  version = "1",
  needs = { "data.business_hours" },
  hooks = {
    scope_check = function(ctx)
      if open(data.business_hours) then return allow() end
      local keep = {}
      for _, scope in ipairs(ctx.scopes) do
        if not limited(scope) then keep[#keep + 1] = scope end
      end
      if #keep == 0 then return deny("outside_business_hours", "these scopes are granted in business hours only") end
      return narrow { scopes = keep }
    end,
  },
}
