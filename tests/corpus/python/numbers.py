huge = 123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890
power = 10 ** 10 ** 10 ** 10
shift = 1 << (1 << 100)
hexadecimal = 0xFFFF_FFFF_FFFF_FFFF_FFFF + 0o7_7 + 0b1_0 + 0B1 + 0XfF
floats = 1e309, -1e309, 1e-400, .5, 5., 1_0.0_1e1_0, 0e0, 1E5
complexes = 1j, 1.5J, 0j, 1e400j
zeros = 000, 0_0


def handler(event, context):
    return [0] * 10**18, "x" * (2**63), bytes(1 << 70), range(10**100), event["n"] ** event["n"] ** event["n"]
