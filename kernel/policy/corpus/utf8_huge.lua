-- ends by runtime: a code point beyond the last
return utf8.char(0x7FFFFFFF) and allow()
