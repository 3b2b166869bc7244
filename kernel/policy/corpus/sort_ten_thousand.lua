-- ends by units: sorting 10 000 items again and again
local t = {}
for i = 1, 9000 do t[i] = (i * 7919) % 9000 end
while true do table.sort(t, function(a, b) return a > b end) end
