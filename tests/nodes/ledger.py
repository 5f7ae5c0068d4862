"""What clients asked and were told. From it the checks know what must be in the database, and the figures are made."""

import base64
import hashlib
import json
import statistics
import time
from collections import defaultdict
from dataclasses import dataclass, field

# The allowed statuses during a fault: of nginx (502, 504) and of a node (503). 0 means no response.
UNAVAILABLE = {0, 502, 503, 504}


@dataclass
class Attempt:
    what: str
    began: float
    ended: float
    status: int
    # Whether this is the single retry that a client makes.
    again: bool
    # Whether the request was first sent to a node directly, which may be down on purpose.
    directly: bool

    @property
    def failed(self):
        return self.status in UNAVAILABLE


@dataclass
class Chain:
    """A session, with the newest tokens that its client was handed."""

    email: str
    access: str
    refresh: str
    # When the client was told that it has ended.
    ended: float | None = None
    # It was asked to end, and the result is unknown.
    doubtful: bool = False

    @property
    def claims(self):
        part = self.access.split(".")[1]
        return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))

    @property
    def session(self):
        return self.claims["sid"]

    @property
    def bit(self):
        reference = self.claims["status"]["status_list"]
        return int(reference["uri"].rsplit("/", 1)[1]), reference["idx"]


@dataclass
class Fault:
    what: str
    began: float
    # When the stopped process was up again.
    over: float = 0.0

    def end(self):
        self.over = time.monotonic()


@dataclass
class Refusal:
    """How one node came to refuse one revoked token; times count from the 204."""

    node: str
    # The send time of the last request that was answered 200; none if there was no such response.
    last_accepted: float | None = None
    # The first response with 401; none if the node was down meanwhile.
    refused: float | None = None


@dataclass
class Ledger:
    began: float = field(default_factory=time.monotonic)
    attempts: list = field(default_factory=list)
    accounts: set = field(default_factory=set)
    chains: list = field(default_factory=list)
    # Each refresh token and its successor.
    successors: dict = field(default_factory=lambda: defaultdict(set))
    # How many pairs of concurrent refreshes both succeeded.
    pairs: int = 0
    refusals: list = field(default_factory=list)
    faults: list = field(default_factory=list)
    violations: list = field(default_factory=list)

    def violated(self, sentence):
        self.violations.append(f"{self.now():7.3f} s: {sentence}")

    def now(self):
        return time.monotonic() - self.began

    def at(self, moment):
        return moment - self.began

    def fault(self, what):
        self.faults.append(Fault(what, time.monotonic()))
        return self.faults[-1]


def digest(token):
    """SHA-256 of a refresh token's current secret, as the database has it: it is behind 16 bytes of the session's id and 16 of
    the family's secret."""
    return hashlib.sha256(base64.urlsafe_b64decode(token.removeprefix("csr_") + "==")[32:]).hexdigest()


def summary(ledger):
    """The figures, as lines."""
    requests = [attempt for attempt in ledger.attempts if not attempt.directly]
    first = [attempt for attempt in requests if not attempt.again]
    failed = [attempt for attempt in first if attempt.failed]
    lost = [attempt for attempt in requests if attempt.again and attempt.failed]
    seconds = max(attempt.ended for attempt in requests) - ledger.began
    yield f"load             {len(first)} requests through nginx in {seconds:.0f} s ({len(first) / seconds:.1f}/s)"
    kinds = ", ".join(f"{sum(attempt.what == what for attempt in first)} {what}" for what in sorted({a.what for a in first}))
    yield f"                 {kinds}; {ledger.pairs} pairs of refreshes of one token at once"
    yield f"failed           {len(failed)} at first ({share(failed, first)}), {len(lost)} after one retry ({share(lost, first)})"
    codes = {status: sum(attempt.status == status for attempt in failed) for status in sorted(UNAVAILABLE)}
    yield "                 at first: " + ", ".join(f"{number} times {status or 'no answer'}" for status, number in codes.items())
    ended = [chain for chain in ledger.chains if chain.ended]
    yield f"told             {len(ledger.accounts)} accounts made, {len(ledger.successors)} tokens spent, {len(ended)} sessions ended"
    yield from refusals(ledger)
    yield from recoveries(ledger, requests)


def refusals(ledger):
    refused = [1000 * refusal.refused for refusal in ledger.refusals if refusal.refused is not None]
    accepted = [1000 * refusal.last_accepted for refusal in ledger.refusals if refusal.last_accepted is not None]
    if refused:
        median, worst = statistics.median(refused), max(refused)
        yield f"revoked tokens   refused by a node {median:.0f} ms after the 204 (median), {worst:.0f} ms (worst), of {len(refused)}"
    worst = f"the last of them sent {max(accepted):.0f} ms after it" if accepted else "none"
    yield f"                 accepted after the 204: {len(accepted)} times, {worst}"


def recoveries(ledger, requests):
    """What each fault cost: failures from its beginning to the beginning of the next."""
    faults = sorted(ledger.faults, key=lambda fault: fault.began)
    ends = [fault.began for fault in faults[1:]] + [float("inf")]
    rows = defaultdict(list)
    for fault, end in zip(faults, ends, strict=True):
        failed = [attempt for attempt in requests if attempt.failed and fault.began <= attempt.ended < end]
        last = max((attempt.ended for attempt in failed), default=fault.began)
        rows[fault.what].append((len(failed), fault.over - fault.began, last - fault.began, max(last - fault.over, 0.0)))
    for what, all_rows in rows.items():
        number, away, last, after = zip(*all_rows, strict=True)
        yield (
            f"{what:<24} {len(all_rows)} times; away {statistics.median(away):.1f} s; failed attempts {statistics.median(number):.0f} (worst {max(number)}); "
            f"the last one {statistics.median(last):.2f} s after its beginning (worst {max(last):.2f}), "
            f"{statistics.median(after):.2f} s after its end (worst {max(after):.2f})"
        )


def share(part, whole):
    return f"{100 * len(part) / max(len(whole), 1):.2f} %"
