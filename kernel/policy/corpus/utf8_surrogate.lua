-- ends by runtime: half a surrogate pair
return utf8.char(0xD800) and allow()
