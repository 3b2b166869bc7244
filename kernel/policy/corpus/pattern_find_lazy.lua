-- ends by runtime: the same by string.find, which knows no patterns here
local s = string.rep("a", 300)
local found = string.find(s, string.rep(".-", 5) .. "b", 1, false)
return found and allow() or deny("none")
