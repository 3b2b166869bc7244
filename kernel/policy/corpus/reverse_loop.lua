-- ends by units or memory: a long text turned around without end
local s = string.rep("x", 60000)
while true do s = string.reverse(s) end
