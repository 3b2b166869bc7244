-- ends by memory or units: a table without end
local t = {}
local n = 0
while true do
  n = n + 1
  t[n] = { n, n, n, n, n, n }
end
