-- ends by units or deadline or runtime: a pattern with as many ways as letters
local p = "^(" .. string.rep("a?", 100) .. string.rep("a", 100) .. ")+$"
local s = string.rep("a", 5000) .. "b"
while true do re.match(s, p) end
