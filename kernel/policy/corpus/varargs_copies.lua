-- ends by units or memory or runtime or deadline: ten thousand arguments copied by each call
local t = {}
for i = 1, 250 do t[i] = i end
local function f(...) return select("#", ...) end
local function wide(n, ...) if n == 0 then while true do f(...) end end return wide(n - 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, ...) end
return wide(1200, table.unpack(t))
