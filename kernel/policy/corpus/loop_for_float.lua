-- ends by units: a float loop that never reaches its end
for i = 2 ^ 53, 2 ^ 53 + 4 do end
while 2 ^ 53 == 2 ^ 53 + 1 do end
for i = 0, 1, 1e-320 do end
