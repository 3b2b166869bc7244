-- ends by load: bytecode through load
load(string.dump(function() end), "x", "b")()
