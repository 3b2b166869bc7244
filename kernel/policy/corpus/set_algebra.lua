-- ends by units: sets joined without end
local t = {}
for i = 1, 2000 do t[i] = "i" .. i end
while true do t = set.union(t, t) end
