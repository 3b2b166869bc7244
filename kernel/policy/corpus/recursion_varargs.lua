-- ends by memory or units or deadline: each call takes one argument more
local function more(...) return more(1, ...) end
return more()
