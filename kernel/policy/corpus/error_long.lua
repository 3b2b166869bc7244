-- ends by runtime: an error of 60 KB
error(string.rep("x", 60000))
