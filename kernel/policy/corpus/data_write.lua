-- ends by load: a document that nobody asked for
data.teams.x = 1
return allow()
