-- ends by units or deadline: the same by order
local a = string.rep("x", 60000)
local b = string.rep("x", 59999) .. "y"
while a < b do end
