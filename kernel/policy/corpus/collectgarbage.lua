-- ends by load: the collector called each round
while true do collectgarbage() end
