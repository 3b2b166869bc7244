-- ends by units: repeat until false
repeat until false
