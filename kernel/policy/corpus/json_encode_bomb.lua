-- ends by bad_result: a large document encoded
local t = {}
for i = 1, 500 do t[i] = string.rep("x", 1000) end
return json.encode(t) and allow()
