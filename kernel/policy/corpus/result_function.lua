-- ends by bad_result: the function instead of its result
return allow
