-- ends by units: pairs sorts its keys each time
local t = {}
for i = 1, 2000 do t["k" .. (i * 7919) % 2000] = i end
while true do
  for k in pairs(t) do break end
end
