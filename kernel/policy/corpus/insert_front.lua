-- ends by units: each insertion moves the whole list
local t = {}
while true do table.insert(t, 1, 0) end
