-- ends by load: a frozen table written by rawset
rawset(math, "abs", nil)
