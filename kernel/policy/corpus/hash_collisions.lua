-- ends by units or memory or deadline: many keys of one length
local t = {}
for i = 1, 1e9 do t["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" .. i] = true end
