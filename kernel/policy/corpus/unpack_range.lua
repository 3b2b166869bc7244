-- ends by runtime: table.unpack over 10 000 000 places
return select("#", table.unpack({}, 1, 1e7)) and allow()
