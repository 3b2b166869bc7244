-- ends by load: a message handler that loops with hooks off
xpcall(function() while true do end end, function() while true do end end)
