-- ends by runtime: an error out of a comparator
local t = { 3, 2, 1 }
table.sort(t, function() error("x") end)
return allow()
