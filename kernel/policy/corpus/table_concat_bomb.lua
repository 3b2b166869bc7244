-- ends by memory: table.concat of a long text many times
local t = {}
local s = string.rep("x", 10000)
for i = 1, 1000 do t[i] = s end
return table.concat(t) and allow()
