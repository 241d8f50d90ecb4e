"""How CloudWatch evaluates an alarm: each period, over the newest values.

LocalStack does it once in all periods of an alarm together, asks for each period by a request of its own, takes values of other
dimensions for the alarm's, and lets older values count than the alarm looks at. Pages came late by that, the steps of a chain
in the wrong order, and an alarm that looks back for hours kept the others waiting.
"""

import sqlite3
import time
from types import SimpleNamespace

from localstack.services.cloudwatch import alarm_scheduler
from localstack.services.cloudwatch.cloudwatch_database_helper import CloudwatchDatabase
from localstack.services.cloudwatch.models import cloudwatch_stores
from localstack.utils import scheduler
from localstack.utils.aws import arns

# Where values are missing, CloudWatch looks back further than the periods that it evaluates.
MORE_PERIODS = 1
KEEP_SECONDS = 2 * 24 * 3600
PRUNE_SECONDS = 3600
VALUES = """
  SELECT timestamp, value, 1, value, value FROM SINGLE_METRICS WHERE {where}
  UNION ALL
  SELECT timestamp, sum, sample_count, min, max FROM AGGREGATED_METRICS WHERE {where}
"""
WHERE = """metric_name = ? AND namespace = ? AND account_id = ? AND region = ? AND dimensions IS ?
  AND timestamp >= ? AND timestamp < ?"""
STATISTICS = {
    "SampleCount": lambda rows: sum(count for _, count, _, _ in rows),
    "Sum": lambda rows: sum(total for total, _, _, _ in rows),
    "Average": lambda rows: sum(total for total, _, _, _ in rows) / sum(count for _, count, _, _ in rows),
    "Minimum": lambda rows: min(least for _, _, least, _ in rows),
    "Maximum": lambda rows: max(most for _, _, _, most in rows),
}


def details(alarm_arn):
    parsed = arns.parse_arn(alarm_arn)
    found = cloudwatch_stores[parsed["account"]][parsed["region"]].alarms.get(alarm_arn)
    return found and found.alarm


def dimensions(alarm):
    """As the store of values writes them; nothing for none."""
    return CloudwatchDatabase._get_ordered_dimensions_with_separator(None, list(alarm.get("Dimensions") or []))


def values(alarm, _client=None):
    """One value or None a period, the oldest first."""
    parsed = arns.parse_arn(alarm["AlarmArn"])
    period = alarm["Period"]
    periods = alarm["EvaluationPeriods"] + MORE_PERIODS
    # Of a period that has only begun some senders are not heard of yet, and a Maximum over the others would be too low.
    end = int(time.time()) // period * period
    start = end - (periods + 1) * period
    which = (
        alarm["MetricName"],
        alarm.get("Namespace"),
        parsed["account"],
        parsed["region"],
        dimensions(alarm),
        start,
        end + period,
    )
    with sqlite3.connect(CloudwatchDatabase.METRICS_DB_READ_ONLY, uri=True) as database:
        rows = database.execute(VALUES.format(where=WHERE), which * 2).fetchall()
    by_period = {}
    for timestamp, *row in rows:
        by_period.setdefault((int(timestamp) - start) // period, []).append(row)
    found = [by_period.get(index) for index in range(periods + 1)]
    begun = by_period.get(periods + 1)
    if begun and not any(found):
        # The first values there are: better than none, which may count as trouble.
        return [None] * periods + [STATISTICS[alarm["Statistic"]](begun)]
    # Of the newest one a value may still be on its way.
    found = found[:-1] if found[-1] is None and time.time() - end < period / 2 else found[1:]
    return [STATISTICS[alarm["Statistic"]](rows) if rows else None for rows in found]


def exceeded(newest_first, alarm):
    return is_threshold_exceeded(newest_first[: alarm["EvaluationPeriods"]], alarm)


def premature(values, alarm):
    """The first values there are, all beyond: as the original, to which a 0 was no value."""
    needed = alarm.get("DatapointsToAlarm", 1)
    if alarm.get("TreatMissingData", "missing") not in ("missing", "ignore") or needed < 2:
        return False
    beyond = alarm_scheduler.COMPARISON_OPS[alarm["ComparisonOperator"]]
    older, newer = values[:-needed], values[-needed:]
    return (
        all(value is None for value in older)
        and newer[0] is not None
        and all(value is None or beyond(value, alarm["Threshold"]) for value in newer)
    )


class EachPeriod(alarm_scheduler.AlarmScheduler):
    def schedule_metric_alarm(self, alarm_arn):
        alarm = details(alarm_arn)
        self.delete_scheduler_for_alarm(alarm_arn)
        if alarm and self._is_alarm_supported(alarm):
            self.scheduled_alarms[alarm_arn] = self.scheduler.schedule(
                func=alarm_scheduler.calculate_alarm_state,
                period=alarm["Period"],
                fixed_rate=True,
                args=[alarm_arn],
                on_error=lambda error: alarm_scheduler.LOG.error("alarm %s is not evaluated: %s", alarm_arn, error),
            )

    def start(self):
        super().start()
        self.scheduler.schedule(
            func=prune,
            period=PRUNE_SECONDS,
            on_error=lambda error: alarm_scheduler.LOG.error("old values stay: %s", error),
        )


def prune():
    """Nothing here looks back for longer, and nobody else would ever make room."""
    oldest = time.time() - KEEP_SECONDS
    with sqlite3.connect(CloudwatchDatabase.METRICS_DB, timeout=30) as database:
        for table in ("SINGLE_METRICS", "AGGREGATED_METRICS"):
            database.execute(f"DELETE FROM {table} WHERE timestamp < ?", (oldest,))


is_threshold_exceeded = alarm_scheduler.is_threshold_exceeded


def evaluate_each_period():
    """To be called before the service that evaluates them is loaded."""
    # By the wall clock no alarm would be evaluated for as long as that is set back.
    scheduler.time = SimpleNamespace(time=time.monotonic)
    alarm_scheduler.get_metric_alarm_details_for_alarm_arn = details
    alarm_scheduler.collect_metric_data = values
    alarm_scheduler.is_threshold_exceeded = exceeded
    alarm_scheduler.is_triggering_premature_alarm = premature
    alarm_scheduler.AlarmScheduler = EachPeriod
