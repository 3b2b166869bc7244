-- ends by units or runtime: a new pattern for each text, to fill the cache
local n = 0
while true do
  n = n + 1
  re.match("x", "x" .. n)
end
