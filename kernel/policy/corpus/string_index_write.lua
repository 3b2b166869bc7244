-- ends by runtime or blocked: a member given to a string
local s = "x"
s.upper = nil
return allow()
