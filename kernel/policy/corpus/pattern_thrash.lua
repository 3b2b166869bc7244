-- ends by units or deadline or runtime: more states than the automaton may keep
local p = "[ab]*a[ab]{18}c"
local t = {}
for i = 1, 3000 do t[i] = (i * i // 7) % 3 == 0 and "a" or "b" end
local s = table.concat(t)
while true do re.match(s, p) end
