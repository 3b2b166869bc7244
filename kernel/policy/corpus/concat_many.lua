-- ends by memory: two hundred operands of a megabyte together
local s = string.rep("x", 60000)
return (s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s) and allow()
