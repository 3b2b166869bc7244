-- ends by load: randomness, which a replay could not repeat
return math.random() > 0.5 and allow() or deny("dice")
