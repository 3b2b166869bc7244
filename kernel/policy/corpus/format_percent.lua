-- ends by blocked: format abuse
return ("%99999999d"):format(1) and allow()
