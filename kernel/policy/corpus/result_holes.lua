-- ends by bad_result: a list with a hole
local t = { "a", nil, "c" }
t[5] = "e"
return narrow({ scopes = t })
