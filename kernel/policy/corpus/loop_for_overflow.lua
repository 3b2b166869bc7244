-- ends by units: an integer loop over all of int64
for i = math.mininteger, math.maxinteger do end
