-- ends by units or memory or deadline: long texts as keys, each hashed anew
local s = string.rep("k", 60000)
local t = {}
local n = 0
while true do
  n = n + 1
  t[s .. n] = nil
  local _ = t[s .. n]
end
