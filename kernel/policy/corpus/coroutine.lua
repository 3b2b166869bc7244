-- ends by load: a coroutine, whose hooks are its own
local c = coroutine.wrap(function() while true do end end)
c()
