#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes decimal texts and the bits of the nearest binary64 and binary32 to standard output.

    python3 Tests/oracles/floats.py [COUNT] > Tests/JSONTests/Fixtures/floats.txt

Each line: the text, the double's bits and the float's bits in hexadecimal. Doubles are rounded by
Python's own reader of decimal text, floats by exact integer arithmetic; both ties to even.
"""
import random
import struct
import sys
from decimal import Decimal, getcontext
from fractions import Fraction

getcontext().prec = 1200
random.seed(20250301)


def float_bits(text):
    """The binary32 nearest to a decimal text, by exact arithmetic."""
    sign = 0x80000000 if text.startswith("-") else 0
    digits, _, power = text.lower().partition("e")
    if abs(int(power or 0)) > 100_000:
        # Too far out for an exact fraction to be had.
        return sign | (0x7F800000 if Decimal(digits) and int(power) > 0 else 0)
    value = abs(Fraction(Decimal(text)))
    if value == 0:
        return sign
    exponent = value.numerator.bit_length() - value.denominator.bit_length()
    if value < Fraction(2) ** exponent:
        exponent -= 1
    exponent = max(exponent, -126)
    scaled = value / Fraction(2) ** (exponent - 23)
    whole, rest = divmod(scaled.numerator, scaled.denominator)
    twice = 2 * rest
    if twice > scaled.denominator or (twice == scaled.denominator and whole % 2):
        whole += 1
    # A carry out of the 24 bits moves into the exponent by itself.
    bits = whole if whole < 1 << 23 else ((exponent + 126) << 23) + whole
    return sign | min(bits, 0x7F800000)


def double_bits(text):
    return struct.unpack("<Q", struct.pack("<d", float(text)))[0]


def plain(value, digits):
    """Exact decimal text of a Fraction with a power of two below, cut to `digits` digits."""
    return f"{Decimal(value.numerator) / Decimal(value.denominator):.{digits - 1}e}"


def texts(count):
    yield from """0 -0 0.0 -0.0 0e999 -0e-999 1 -1 10 0.1 0.5 1e22 1e23 1e-22 1e-23 123456789
    9007199254740991 9007199254740992 9007199254740993 9007199254740995 -9007199254740993
    16777215 16777216 16777217 16777219 1.7976931348623157e308 1.7976931348623158e308
    1.7976931348623159e308 1e309 -1e309 1e400 3.4028234663852886e38 3.4028235677973366e38
    3.4028235677973365e38 3.4028236e38 3.5e38 1e39 -1e39 5e-324 2.4703282292062327e-324
    2.4703282292062328e-324 2.4e-324 1e-400 -1e-400 1.401298464324817e-45
    7.006492321624085e-46 7.006492321624086e-46 7e-46 1.1754943508222875e-38
    1.1754942106924411e-38 2.2250738585072014e-308 2.2250738585072011e-308
    2.2250738585072009e-308 18446744073709551615 18446744073709551616 18446744073709551617
    1.00000005960464477539062500000000000000000000001 1.000000059604644775390625
    1.00000017881393432617187499 1.000000178813934326171875 1.00000017881393432617187500001
    8.5 12345678901234567890123456789 0.000001 1E5 1E+5 1e-5 1e+05 1.5e00 100e-2
    0.00000000000000000000000000000000000000000000000000000001e56
    100000000000000000000000000000000000000000000e-44 6.02e23 1e999999999999 1e-999999999999
    0e999999999999999999999 4.35 4.45 0.3 2.675 1.005 9.999999e22""".split()
    yield "0." + "0" * 400 + "1e400"
    yield "1" + "0" * 400 + "e-400"
    yield "1." + "0" * 900
    yield "1." + "0" * 900 + "1"
    halfway = Fraction(2) ** -1074 / 2
    yield plain(halfway, 752)
    yield plain(halfway, 900) + ""
    yield plain(halfway, 760).replace("e", "0" * 100 + "1e")
    middle = Fraction((1 << 53) + 1, 1 << 1074)
    yield plain(middle, 800)
    yield plain(middle, 800).replace("e", "0" * 60 + "1e")
    for index in range(count):
        kind = index % 8
        if kind == 0:
            bits = random.getrandbits(64)
            value = struct.unpack("<d", struct.pack("<Q", bits))[0]
            if value == value and abs(value) != float("inf"):
                yield repr(value)
        elif kind == 1:
            bits = random.getrandbits(32)
            value = struct.unpack("<f", struct.pack("<I", bits))[0]
            if value == value and abs(value) != float("inf"):
                yield f"{value:.9g}"
        elif kind == 2 or kind == 3:
            # Half-way between two floats, exactly, or a hair beside it.
            bits = random.getrandbits(31) % 0x7F7FFFFF
            low, high = (struct.unpack("<f", struct.pack("<I", b))[0] for b in (bits, bits + 1))
            middle = (Fraction(low) + Fraction(high)) / 2
            yield plain(middle, random.choice([15, 17, 20, 30, 130]))
        elif kind == 4:
            bits = random.getrandbits(63) % 0x7FEFFFFFFFFFFFFF
            low, high = (struct.unpack("<d", struct.pack("<Q", b))[0] for b in (bits, bits + 1))
            yield plain((Fraction(low) + Fraction(high)) / 2, random.choice([17, 18, 20, 40]))
        elif kind == 5:
            # Subnormal floats and doubles.
            if random.random() < 0.5:
                value = struct.unpack("<f", struct.pack("<I", random.getrandbits(23)))[0]
            else:
                value = struct.unpack("<d", struct.pack("<Q", random.getrandbits(52)))[0]
            yield f"{value:.{random.choice([3, 9, 17, 25])}e}"
        elif kind == 6:
            digits = random.randint(1, 25)
            text = str(random.randint(0, 10**digits))
            cut = random.randint(0, len(text))
            whole, rest = text[:cut].lstrip("0") or "0", text[cut:]
            power = random.randint(-60, 60)
            yield whole + ("." + rest if rest else "") + (f"e{power}" if power % 3 else "")
        else:
            yield f"{random.uniform(-1000, 1000):.{random.randint(0, 8)}f}"


for text in texts(int(sys.argv[1]) if len(sys.argv) > 1 else 3000):
    print(f"{text} {double_bits(text):016x} {float_bits(text):08x}")
