-- ends by memory: a text doubled without end
local s = "x"
while true do s = s .. s end
