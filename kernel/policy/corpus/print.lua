-- ends by load: standard output
print(ctx)
