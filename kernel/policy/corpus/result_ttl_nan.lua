-- ends by bad_result: a lifetime that is no number
return narrow({ max_ttl = 0 / 0 })
