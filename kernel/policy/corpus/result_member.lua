-- ends by load: a mistyped member
return narrow { scopes = {}, max_tll = 60 }
