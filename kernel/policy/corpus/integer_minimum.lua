-- ends by none: the smallest integer by minus one
return math.mininteger // -1 == math.mininteger and math.abs(math.mininteger) == math.mininteger and allow() or deny("wrong")
