-- ends by units: a number of 60 KB read without end
local s = string.rep("9", 60000)
while true do tonumber(s) end
