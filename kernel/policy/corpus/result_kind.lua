-- ends by bad_result: a kind that the point does not permit
return enrich({ a = 1 })
