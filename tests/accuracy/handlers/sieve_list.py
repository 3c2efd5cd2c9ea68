"""Primes below a limit, with a list of booleans and a list of the primes."""

import json


def primes_below(limit):
    is_prime = [True] * limit
    is_prime[0] = is_prime[1] = False
    for i in range(2, int(limit**0.5) + 1):
        if is_prime[i]:
            for multiple in range(i * i, limit, i):
                is_prime[multiple] = False
    return [number for number, prime in enumerate(is_prime) if prime]


def lambda_handler(event, context):
    primes = primes_below(int(event["limit"]))
    return {"statusCode": 200, "body": json.dumps({"count": len(primes), "largest": primes[-1]})}
