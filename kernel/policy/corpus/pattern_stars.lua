-- ends by units: a*a*b on 20 KB over and over: linear, and charged
local s = string.rep("a", 20000)
while true do re.match(s, "a*a*b") end
