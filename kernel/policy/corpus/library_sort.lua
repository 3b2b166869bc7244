-- ends by blocked: a library sorted
table.sort(table)
return allow()
