-- ends by units or memory: a text that grows by one byte, copied each time
local s = string.rep("x", 60000)
while true do s = s .. "x" end
