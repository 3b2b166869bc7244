-- ends by units or memory: a text split at each byte
local s = string.rep("a,", 30000)
while true do str.split(s, ",") end
