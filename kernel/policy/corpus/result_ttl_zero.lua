-- ends by bad_result: a lifetime of nothing
return narrow({ max_ttl = 0 })
