-- ends by bad_result: a lifetime of 2^62 seconds
return narrow({ max_ttl = 1 << 62 })
