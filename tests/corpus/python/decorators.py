import functools


def retry(times=3, *, on=(Exception,)):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            for _ in range(times):
                try:
                    return function(*args, **kwargs)
                except on:
                    pass
            raise RuntimeError
        return wrapper
    return decorate


@retry()
@retry(times=2, on=(KeyError,))
@functools.lru_cache(maxsize=None)
@(lambda f: f)
@table["x"][0].y(1)(2)
@a if b else c
def handler(event, context): return event


@dataclass(frozen=True)
@final
class Item:
    @property
    def x(self): ...
    @x.setter
    def x(self, v): ...
    @staticmethod
    def s(): ...
    @classmethod
    def c(cls): return cls()
