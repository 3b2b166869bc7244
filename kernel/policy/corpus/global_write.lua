-- ends by load: a global set
allow = deny
return allow()
