# Copied beside this program: calendar.py
import calendar
print(calendar.month(2024, 2))
calendar.prmonth(2024, 3)
print(calendar.TextCalendar(6).formatyear(2024)[:10])
print(calendar.HTMLCalendar().formatmonth(2024, 1)[:10])
print(calendar.monthrange(2024, 2), calendar.isleap(2000))
