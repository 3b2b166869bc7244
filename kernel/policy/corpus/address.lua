-- ends by none: the address of a table: only its type is told
return tostring({}) == "table" and tostring(allow) == "function" and tostring(math) == "table" and allow() or deny("address")
