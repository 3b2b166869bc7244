-- ends by units: large character classes without end
local s = string.rep("\u{e9}", 10000)
while true do re.match(s, "^(\\p{L}|\\p{N})*[^\\p{L}]$") end
