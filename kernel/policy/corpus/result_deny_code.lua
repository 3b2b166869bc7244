-- ends by bad_result: a code that is not one
return deny("No Scope!")
