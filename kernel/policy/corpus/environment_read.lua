-- ends by blocked: a stock name read through _ENV as a value
local e = _ENV
return e["o" .. "s"].exit()
