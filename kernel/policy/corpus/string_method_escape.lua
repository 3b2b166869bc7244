-- ends by blocked: a stock method by way of a string
return ("x"):format() and allow()
