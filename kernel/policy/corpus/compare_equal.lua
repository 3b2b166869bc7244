-- ends by units or deadline: two long equal texts compared without end
local a = string.rep("x", 60000)
local b = string.rep("x", 59999) .. "x"
while a == b do end
