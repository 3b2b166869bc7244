-- ends by runtime: a stock name that stands in another _ENV as nil
local _ENV = { os = nil }
return os.exit()
