-- ends by bad_result: a lifetime before now
return narrow({ max_ttl = -1 })
