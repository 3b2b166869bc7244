-- ends by units or deadline: (a+)+$ against a text that does not end so
local s = string.rep("a", 30000) .. "!"
while true do re.match(s, "^(a+)+$") end
