-- ends by bad_result: a library as a result
return narrow({ scopes = math })
