"""Primes below a limit, with a bytearray."""


def handler(event, context):
    limit = int(event["limit"])
    sieve = bytearray([1]) * (limit + 1)
    sieve[0] = sieve[1] = 0
    i = 2
    while i * i <= limit:
        if sieve[i]:
            sieve[i * i :: i] = bytes(len(range(i * i, limit + 1, i)))
        i += 1
    return {"count": sum(sieve)}
