-- ends by load: the metatable of strings
getmetatable("").__index = {}
