-- ends by runtime: two functions that call each other
local a, b
a = function() return 1 + b() end
b = function() return 1 + a() end
return a()
