-- ends by bad_result: true instead of a verdict
return true
