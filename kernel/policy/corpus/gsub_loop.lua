-- ends by load: a megabyte of gsub a round
local s = string.rep("a", 1000000)
for i = 1, 1000 do s = string.gsub(s, "a", "b") end
