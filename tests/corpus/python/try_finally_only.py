def handler(event, context):
    try:
        pass
    finally:
        pass
    try: a()
    finally: b()
    try:
        try:
            try:
                c()
            finally:
                d()
        finally:
            e()
    finally:
        f()
