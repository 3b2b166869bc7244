-- ends by units: a log line each round
while true do log(string.rep("x", 10000)) end
