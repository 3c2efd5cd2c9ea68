def handler(event, context):
    for item in event["items"]:
        try:
            if item > 1:
                continue
            elif item > 2:
                break
            elif item > 3:
                return item
            try:
                raise KeyError(item)
            except (KeyError, ValueError) as error:
                raise RuntimeError from error
            finally:
                if item:
                    continue
        except RuntimeError:
            pass
        except:
            raise
        else:
            print("else")
        finally:
            print("finally")
            break
    else:
        return 0
    return 1
