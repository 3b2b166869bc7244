-- ends by memory or units: closures kept without end
local all = {}
while true do
  local n = {}
  all[#all + 1] = function() return n end
end
