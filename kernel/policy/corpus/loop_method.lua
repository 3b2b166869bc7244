-- ends by units: methods of a string without end
local s = ctx.name or "x"
while true do s:upper() end
