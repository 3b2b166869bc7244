-- ends by bad_result: a verdict within a verdict
return narrow({ scopes = { allow() } })
