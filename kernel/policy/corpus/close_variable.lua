-- ends by runtime: a to-be-closed variable without __close
local x <close> = {}
return allow()
