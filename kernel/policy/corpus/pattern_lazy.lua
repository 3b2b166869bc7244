-- ends by load: a lazy pattern bomb by string.find
return string.match(("a"):rep(300), (".-"):rep(5) .. "b") and allow()
