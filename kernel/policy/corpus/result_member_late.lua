-- ends by bad_result: the same in a table made elsewhere
local t = {}
t["max" .. "_tll"] = 60
t.max_ttl = 60
return narrow(t)
