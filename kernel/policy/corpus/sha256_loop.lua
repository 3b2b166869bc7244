-- ends by units: hashing 60 KB without end
local s = string.rep("x", 60000)
while true do hash.sha256(s) end
