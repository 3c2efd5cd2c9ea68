def handler(event, context):
    if a:
        for b in a:
            while b:
                with c:
                    try:
                        if d:
                            for e in d:
                                while e:
                                    with f:
                                        try:
                                            if g:
                                                for h in g:
                                                    while h:
                                                        with i:
                                                            try: return j
                                                            except: break
                                                            else: continue
                                                            finally: k()
                                        except K as k: raise
                                        finally: l()
                    finally:
                        m()
