-- ends by bad_result: a list that has names too
local t = { "a" }
t.b = "c"
return narrow({ scopes = t })
