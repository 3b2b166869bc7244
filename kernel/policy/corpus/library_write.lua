-- ends by blocked: a library function replaced
local m = math
m.abs = function() return 0 end
return allow()
