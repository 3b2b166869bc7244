-- ends by load: a module of the machine
return require("os").exit()
