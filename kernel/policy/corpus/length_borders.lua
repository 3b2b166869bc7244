-- ends by units: the length of a table with holes
local t = {}
for i = 1, 100 do t[i * i] = i end
while #t do end
