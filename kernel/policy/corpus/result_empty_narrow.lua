-- ends by bad_result: a narrowing of nothing
return narrow({})
