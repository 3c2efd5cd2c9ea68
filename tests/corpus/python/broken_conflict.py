<<<<<<< HEAD
def handler(event, context): return 1
=======
def handler(event, context): return 2
>>>>>>> branch
