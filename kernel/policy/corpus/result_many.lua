-- ends by bad_result or units: a list of 100 000 scopes
local t = {}
for i = 1, 20000 do t[i] = "s" end
return narrow({ scopes = t })
