-- whole script, ends by load: the script itself loops before it returns its table
while true do end
return { api = 1, name = "x", version = "1", hooks = { scope_check = function() return allow() end } }
