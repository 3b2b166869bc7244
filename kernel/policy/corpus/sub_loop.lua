-- ends by units or memory: long parts of a long text
local s = string.rep("x", 60000)
while true do local _ = string.sub(s, 2) end
