-- ends by runtime or memory or units: comparators that sort: C calls within C calls
local function nest()
  local t = { 3, 2, 1 }
  table.sort(t, function(a, b)
    nest()
    return a < b
  end)
end
nest()
