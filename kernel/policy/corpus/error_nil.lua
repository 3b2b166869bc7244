-- ends by runtime: an error that is nil
error(nil)
