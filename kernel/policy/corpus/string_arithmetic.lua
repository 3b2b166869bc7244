-- ends by runtime: a text as a number in arithmetic
return ("10" + 1) == 11 and allow()
