-- ends by runtime: an assertion with a table for its text
assert(false, { 1 })
