-- ends by runtime: a verdict thrown instead of returned
error(allow())
