-- ends by bad_result: a scope that is not UTF-8
return narrow({ scopes = { "\xff" } })
