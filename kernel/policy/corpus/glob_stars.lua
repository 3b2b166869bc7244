-- ends by units: a glob of many stars on a long text
local s = string.rep("a", 20000)
local g = string.rep("*a", 200) .. "b"
while true do str.glob(s, g) end
