-- ends by units: a search that fails late at each place
local s = string.rep("a", 60000)
local w = string.rep("a", 30000) .. "b"
while true do string.find(s, w) end
