-- ends by deadline or memory or units: each call takes one argument more
local function more(...) return more(1, ...) end
return more()
