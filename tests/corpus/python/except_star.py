def handler(event, context):
    try:
        run(event)
    except* (ValueError, TypeError) as group:
        for error in group.exceptions:
            log(error)
    except* OSError:
        raise
    except* Exception as e:
        raise ExceptionGroup("more", [e]) from e
    else:
        return 1
    finally:
        done()
