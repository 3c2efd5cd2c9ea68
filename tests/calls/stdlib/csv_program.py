# Copied beside this program: csv.py
import csv, io
r = csv.DictReader(io.StringIO('a,b\n1,2\n'))
print(list(r), r.fieldnames)
w = csv.DictWriter(io.StringIO(), ['a'])
w.writeheader()
w.writerow({'a': 1})
w.writerows([{'a': 2}])
print(csv.Sniffer().sniff('a,b\n1,2\n').delimiter, csv.Sniffer().has_header('a,b\n1,2\n'))
