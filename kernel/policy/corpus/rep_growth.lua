-- ends by memory: string.rep of its own result
local s = "ab"
while true do s = string.rep(s, 2) end
