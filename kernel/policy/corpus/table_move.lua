-- ends by load: 2^40 moves in one instruction
table.move({}, 1, 1 << 40, 2)
