-- ends by memory or units: long texts, none of them kept
local s = string.rep("x", 60000)
while true do local _ = s .. "y" end
