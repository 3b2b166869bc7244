-- ends by runtime: a verdict taken apart
local v = allow()
v.kind = 1
return v
