-- ends by runtime: nested counted repetition, whose automaton would take gigabytes
return re.match("a", "((((a{1,100}){1,100}){1,100}){1,100}){1,100}") and allow() or deny("none")
