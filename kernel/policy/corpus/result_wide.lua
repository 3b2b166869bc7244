-- ends by bad_result: a result of 250 KB
local t = {}
for i = 1, 250 do t[i] = string.rep("x", 1000) end
return narrow({ scopes = t })
