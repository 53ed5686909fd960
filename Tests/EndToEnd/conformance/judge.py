# SPDX-License-Identifier: Apache-2.0
"""Compares what a server did with what a case allows."""

import email.utils
import re

from .case import BODY, case, get, post
from .wire import observe


def learn(target):
    """Asks the plain requests, to whose answers the words `get` and `post` of an outcome refer."""
    for word, request in ("get", get()), ("post", post()):
        seen = [observe(target, case(word, "-", request, "2xx keep"), ("2xx keep",)) for _ in range(2)]
        for observed in seen:
            if [answer.status // 100 for answer in observed.answers] != [2] or observed.end != "keep":
                raise SystemExit(f"a plain {word.upper()} must get a 2xx and the connection stay, not: {observed}")
        first, second = (observed.answers[0] for observed in seen)
        # A body that differs from one request to the next says nothing about order.
        target.plain[word] = (first.status, first.body if first.body == second.body else None)


def faults(target, case, observed, outcomes):
    """What is wrong with what was observed; nothing where it is one of the outcomes."""
    found = []
    if not any(fits(target, case, observed, outcome) for outcome in outcomes):
        found.append(f"{observed}, not {' or '.join(outcomes)}")
    for answer in [*observed.answers, *([observed.probe] if observed.probe else [])]:
        found += answer.faults
        found += [fault for check in EVERY for fault in check(answer)]
    if observed.answers:
        last = observed.answers[-1]
        found += [fault for need in case.needs for fault in NEEDS[need](target, last)]
    first = case.sends[0] if isinstance(case.sends[0], bytes) else b""
    if b" HTTP/1.0\r\n" in first[:100] and any(a.values("transfer-encoding") for a in observed.answers):
        found.append("a transfer coding in an answer to HTTP/1.0 (RFC 9112 6.1)")
    return found


def fits(target, case, observed, outcome):
    words = outcome.split()
    end = words.pop() if words[-1] in ("keep", "close", "waits") else None
    if end not in (None, observed.end) or observed.end == "reset" or (end is None and observed.end == "waits"):
        return False
    if words == ["raw"]:
        return not observed.answers and observed.rest != b""
    if observed.rest or len(words) != len(observed.answers):
        return False
    count = 0
    for word, answer in zip(words, observed.answers):
        if not any(is_named(target, answer, name, count in case.heads) for name in word.split("|")):
            return False
        count += answer.status >= 200
    return observed.probe is None or is_named(target, observed.probe, "get", False)


def is_named(target, answer, name, is_head):
    if name in target.plain:
        status, body = target.plain[name]
        return answer.status == status and (body is None or is_head or answer.body == body)
    return str(answer.status)[0] == name[0] if name.endswith("xx") else str(answer.status) == name


def check_date(answer):
    """RFC 9110 6.6.1: an origin server with a clock sends Date with every 2xx, 3xx and 4xx."""
    dates = answer.values("date")
    if 200 <= answer.status < 500 and len(dates) != 1:
        yield f"{len(dates)} Date fields in a {answer.status} (RFC 9110 6.6.1)"
    for date in dates:
        if not re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", date) or not email.utils.parsedate(date):
            yield f"the Date {date!r} is no IMF-fixdate (RFC 9110 5.6.7)"


def check_method_list(answer):
    """RFC 9110 15.5.6: a 405 lists the methods that are allowed."""
    if answer.status == 405 and not answer.values("allow"):
        yield "405 without Allow (RFC 9110 15.5.6)"


def check_version_upgrade(answer):
    """RFC 9110 15.5.22: a 426 says what to upgrade to."""
    if answer.status == 426 and not answer.values("upgrade"):
        yield "426 without Upgrade (RFC 9110 15.5.22)"


def has_option(answer, option):
    return option in [word.strip().lower() for value in answer.values("connection") for word in value.split(",")]


def need_close(target, answer):
    if not has_option(answer, "close"):
        yield "the answer does not say Connection: close (RFC 9112 9.6)"


def need_keep_alive(target, answer):
    if not has_option(answer, "keep-alive") and not has_option(answer, "close"):
        yield "an HTTP/1.0 client is not told whether the connection stays (RFC 9112 C.2.2)"


def need_allow(target, answer):
    if answer.status < 400 and not answer.values("allow"):
        yield "the answer to OPTIONS has no Allow (RFC 9110 9.3.7)"


def need_same_length(target, answer):
    lengths = answer.values("content-length")
    body = target.plain["get"][1]
    if answer.status == target.plain["get"][0] and lengths and body is not None and lengths != [str(len(body))]:
        yield f"HEAD says a length of {lengths[0]}, GET has {len(body)} (RFC 9110 9.3.2)"


EVERY = (check_date, check_method_list, check_version_upgrade)
NEEDS = {
    "close": need_close,
    "keep-alive": need_keep_alive,
    "allow": need_allow,
    "same length": need_same_length,
}
