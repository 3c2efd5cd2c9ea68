# Copied beside this program: fractions.py
from fractions import Fraction as F
print(F(1, 2) + F('1/3'), F(0.5) * 2, 1 - F(1, 3), F(3, 4) < 1, round(F(7, 2)), F(1, 2) ** 2, hash(F(1, 2)), -F(1, 2), F(5, 3) // 1, F(22, 7).limit_denominator(5), str(F(1, 2)))
