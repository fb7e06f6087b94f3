"""The days of a conversation, in words; static/js/chat/days.js says the same."""

from __future__ import annotations

from datetime import date
from typing import Final

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def day_words(day: date, today: date) -> str:
    """Return a day as a heading: Today, Yesterday, Monday 3 November, or with another year."""
    age = (today - day).days
    if age in {0, 1}:
        return ("Today", "Yesterday")[age]
    words = f"{WEEKDAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]}"
    return words if day.year == today.year else f"{words} {day.year}"
