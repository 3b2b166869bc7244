-- whole script, ends by load: a counter without needs
local n = counter.add("x", 1, 60)
return { api = 1, name = "x", version = "1", hooks = { scope_check = function() return n and allow() end } }
