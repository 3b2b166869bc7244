-- What an analyst sorts events by, without a person in it: where a request came from and what kind of client it was. Neither the address nor
-- the client's own text goes into `ext`.
local function zone(address)
  if not address or address == "" then return "none" end
  if net.in_cidrs(address, data.networks.internal) then return "internal" end
  if net.in_cidrs(address, data.networks.partners) then return "partner" end
  return "external"
end

local function client(text)
  if not text or text == "" then return "none" end
  for i = 1, #data.networks.clients do
    if str.starts(text, data.networks.clients[i]) then return data.networks.clients[i] end
  end
  return "other"
end

return {
  api = 1,
  name = "audit-enrich",
  version = "1",
  needs = { "data.networks" },
  hooks = {
    audit_enrich = function(event)
      local request = event.request or {}
      return enrich { zone = zone(request.ip), client = client(request.userAgent), weekend = time.weekday() > 5 }
    end,
  },
}
