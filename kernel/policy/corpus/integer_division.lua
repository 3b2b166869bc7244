-- ends by runtime: a division by zero
return 1 // 0 and allow()
