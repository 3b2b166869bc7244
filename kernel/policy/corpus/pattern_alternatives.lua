-- ends by units: a pattern of four thousand bytes compiled for each round
local n = 0
while true do
  n = n + 1
  re.match("x", string.rep("(a|b)", 500) .. n)
end
