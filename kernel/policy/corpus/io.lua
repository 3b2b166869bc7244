-- ends by load: a file of the machine
return io.open("/etc/passwd")
