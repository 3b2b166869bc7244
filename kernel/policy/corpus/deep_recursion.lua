-- ends by runtime: recursion until the stack is full
local function down(n) return 1 + down(n + 1) end
return down(1)
