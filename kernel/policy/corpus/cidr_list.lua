-- ends by units: ten thousand networks looked through without end
local t = {}
for i = 1, 2000 do t[i] = "10.0.0.0/8" end
while true do net.in_cidrs("192.0.2.1", t) end
