-- ends by memory or units: a chain of tables
local t = {}
while true do t = { t, t, t, t } end
