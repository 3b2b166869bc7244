-- ends by none: a script that gives itself another _ENV: it has only what it puts there
local allowed = allow
local _ENV = { x = 1 }
return allowed()
