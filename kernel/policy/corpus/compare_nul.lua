-- ends by units or deadline: texts of zero bytes: one comparison a byte
local a = string.rep("\0", 60000)
local b = string.rep("\0", 59999) .. "x"
while a < b do end
