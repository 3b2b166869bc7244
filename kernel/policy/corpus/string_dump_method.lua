-- ends by blocked: string.dump by way of a string
return ("x").dump(function() end) and allow()
