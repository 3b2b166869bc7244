-- ends by memory or units: keys far apart, so that each growth counts all of them
local t = {}
local k = 1
for i = 1, 1e9 do
  t[k] = true
  k = k + 4099
end
