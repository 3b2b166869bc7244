-- ends by bad_result: a result nested a thousand deep
local t = "x"
for i = 1, 1000 do t = { t } end
return narrow({ scopes = { t } })
