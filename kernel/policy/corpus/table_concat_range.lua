-- ends by runtime: table.concat over 2^62 places
return table.concat({}, "", 1, 1 << 62) and allow()
