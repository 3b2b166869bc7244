-- ends by units: a long text counted without end
local s = string.rep("\u{1F600}", 15000)
while true do utf8.len(s) end
