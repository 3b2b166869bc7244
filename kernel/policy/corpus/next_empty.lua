-- ends by units or deadline or memory: next over a table that was emptied
local t = {}
for i = 1, 20000 do t["k" .. i] = true end
for i = 1, 20000 do t["k" .. i] = nil end
while next(t) == nil do end
