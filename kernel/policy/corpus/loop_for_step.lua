-- ends by none: a loop whose step overflows: Lua counts its rounds first
local n = 0
for i = math.maxinteger - 10, math.maxinteger, 7 do n = n + 1 end
return n == 2 and allow() or deny("rounds")
