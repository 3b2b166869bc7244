-- ends by units: sorting 400 000 numbers
local t = {}
for i = 1, 400000 do t[i] = 400000 - i end
table.sort(t)
