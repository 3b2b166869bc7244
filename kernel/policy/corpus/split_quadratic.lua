-- ends by units: the same by str.split
local s = string.rep("a", 60000)
local w = string.rep("a", 30000) .. "b"
while true do str.split(s, w) end
