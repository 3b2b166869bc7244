-- ends by units or deadline or runtime: sixteen captures over a long text
local p = string.rep("(.*)", 16) .. "b$"
local s = string.rep("a", 5000)
while true do re.match(s, p) end
