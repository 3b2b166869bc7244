-- ends by none: shifts beyond the width
return (1 << 64) == 0 and (1 << -1) == 0 and (1 >> math.maxinteger) == 0 and allow() or deny("wrong")
