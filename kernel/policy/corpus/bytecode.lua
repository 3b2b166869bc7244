-- whole script, ends by load: bytecode behind a comment
LuaT
