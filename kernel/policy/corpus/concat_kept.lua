-- ends by memory: long texts, all of them kept
local s = string.rep("x", 60000)
local all = {}
while true do all[#all + 1] = s .. #all end
