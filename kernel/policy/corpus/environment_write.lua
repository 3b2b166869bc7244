-- ends by blocked: a global set through _ENV as a value
local e = _ENV
e["x" .. 1] = 1
return allow()
