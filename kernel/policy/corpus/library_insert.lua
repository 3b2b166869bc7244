-- ends by blocked: the same by table.insert
table.insert(string, "x")
return allow()
