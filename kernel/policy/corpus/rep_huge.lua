-- ends by memory: string.rep to a terabyte
return string.rep("x", 1 << 40) and allow()
