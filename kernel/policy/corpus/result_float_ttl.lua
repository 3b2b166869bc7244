-- ends by none: a lifetime that is a whole float
return narrow({ max_ttl = 300.0 })
