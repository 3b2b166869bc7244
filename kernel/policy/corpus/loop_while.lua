-- ends by units: while true
while true do end
