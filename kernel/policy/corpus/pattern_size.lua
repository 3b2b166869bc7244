-- ends by runtime: a pattern of 60 KB
return re.match("a", string.rep("a", 60000)) and allow()
