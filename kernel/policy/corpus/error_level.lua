-- ends by runtime: an error at a level that does not exist
error("x", 1 << 40)
