-- ends by units or memory: the same long text between short ones
local t = { "a", "b", "c", "d" }
local s = string.rep("x", 50000)
while true do table.concat(t, s) end
