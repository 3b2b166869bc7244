-- ends by bad_result: a lifetime that is a text
return narrow({ max_ttl = "300" })
