def class(event, None):
    return = 1
