# Copied beside this program: statistics.py
import statistics as s
print(s.mean([1, 2, 3]), s.stdev([1, 2, 4.5]), s.median([3, 1]), s.mode('aab'), s.quantiles([1, 2, 3, 4]), s.NormalDist(0, 1).cdf(0.5), s.linear_regression([1, 2, 3], [2, 4, 6]), s.NormalDist(1, 2) + s.NormalDist(0, 1))
