-- ends by units: each removal moves the whole list
local t = {}
for i = 1, 5000 do t[i] = i end
while true do
  table.insert(t, table.remove(t, 1))
end
