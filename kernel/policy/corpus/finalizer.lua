-- ends by load: a finalizer that loops when the state goes
setmetatable({}, { __gc = function() while true do end end })
