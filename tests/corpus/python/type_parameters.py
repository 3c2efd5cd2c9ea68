type Alias = int
type Generic[T: (int, str), *Ts, **P] = dict[T, tuple[*Ts]]
type Default[T = int, *Ts = *tuple[int], **P = [int]] = T
type type = type


def f[T: Sequence[int]](x: T, /, *args: *Ts, **kwargs: P.kwargs) -> T:
    return x


class C[T, *Ts](Base[T], metaclass=Meta, **options):
    def method[S](self, s: S) -> "C[S]": ...

    async def later[S](self): ...
