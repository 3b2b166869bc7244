-- ends by runtime: 60 KB of digits as a number
return (string.rep("9", 60000) * 2) and allow()
