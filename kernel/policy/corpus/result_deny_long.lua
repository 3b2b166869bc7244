-- ends by bad_result: a reason of 60 KB
return deny("code", string.rep("x", 60000))
