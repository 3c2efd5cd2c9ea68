"""Groups measurements in dicts of dicts of lists."""

from collections import defaultdict


def handler(event, context):
    readings = defaultdict(lambda: defaultdict(list))
    for i in range(event["readings"]):
        sensor = i % event.get("sensors", 50)
        day = (i // 100) % 365
        readings[sensor][day].append(i * 0.01)
    summary = {
        sensor: {day: sum(values) / len(values) for day, values in days.items()} for sensor, days in readings.items()
    }
    return {"sensors": len(summary), "days": sum(len(days) for days in summary.values())}
