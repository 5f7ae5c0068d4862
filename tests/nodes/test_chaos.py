"""Three nodes over one PostgreSQL and one Redis behind nginx, under load, while all of them are killed by turns.
No write that was answered with success may be lost, no refresh token may have two successors, and no revoked token may
be accepted by any node in a request that is sent more than a second after its end was told.

One minute; COUNTERSIGN_TEST_CHAOS_SECONDS=600 for ten. The figures are printed (`pytest -s`), not judged."""

import asyncio
import os

import checks
import pytest
from cluster import cluster
from ledger import Ledger, summary
from people import People

SECONDS = float(os.environ.get("COUNTERSIGN_TEST_CHAOS_SECONDS", "60"))
# A node is killed at 10 s, 30 s, 50 s…; other processes are stopped in between.
FIRST, EVERY = 10, 20
AWAY = 2.0
# How many sessions end at the moment at which PostgreSQL is stopped.
STORM = 8


@pytest.mark.timeout(2 * SECONDS + 180)
def test_f_1_f_8_f_24_random_kills_lose_no_write_and_revive_no_revoked_session():
    with cluster(os.environ["COUNTERSIGN_TEST_BIN"], redis=True) as world:
        ledger = asyncio.run(chaos(world))
        lost = list(checks.lost_writes(ledger, world.postgres))
        split = checks.tokens_with_two_successors(ledger)
        audit = world.nodes[0].command("audit", "verify")
        panics = checks.panics(world.nodes)
    print("", *summary(ledger), sep="\n")
    assert not ledger.violations, "\n".join(ledger.violations)
    assert lost == []
    assert split == []
    assert audit.returncode == 0, audit.stderr
    assert panics == []
    # The test had something to check.
    assert min(len(ledger.accounts), len(ledger.successors), ledger.pairs, len(ledger.refusals)) > SECONDS / 5


async def chaos(world):
    ledger = Ledger()
    people = People(world, ledger)
    load = asyncio.create_task(people.live())
    await asyncio.gather(*(fault_at(moment, fault, people) for moment, fault in schedule()))
    assert world.redis.asked() > 0, "Redis was never asked"
    await asyncio.sleep(max(0.0, SECONDS - ledger.now()))
    people.over = True
    await load
    living = await checks.living_chains_still_refresh(people)
    await people.finish()
    await checks.revoked_tokens_are_refused_by_all(people)
    await people.client.aclose()
    print(f"\n{living} sessions lived at the end, and were refreshed")
    return ledger


def schedule():
    """When what is broken."""
    kills = range(FIRST, int(SECONDS) - 3, EVERY)
    yield from ((moment, NodeKilled(number)) for number, moment in enumerate(kills))
    yield after_a_kill(1 / 4, 5), redis_killed
    yield after_a_kill(1 / 3, 10), PostgresStopped("fast")
    yield after_a_kill(2 / 3, 10), PostgresStopped("immediate")
    yield after_a_kill(3 / 4, 5), redis_killed


def after_a_kill(part, seconds):
    return FIRST + EVERY * int((part * SECONDS - FIRST) // EVERY) + seconds


async def fault_at(moment, fault, people):
    await asyncio.sleep(max(0.0, moment - people.ledger.now()))
    await fault(people)


class NodeKilled:
    def __init__(self, number):
        self.number = number

    async def __call__(self, people):
        node = people.cluster.nodes[self.number % len(people.cluster.nodes)]
        fault = people.ledger.fault("a node killed")
        node.kill()
        await asyncio.sleep(AWAY)
        await asyncio.to_thread(node.start_until_it_stays)
        fault.end()


async def redis_killed(people):
    fault = people.ledger.fault("Redis killed")
    people.cluster.redis.kill()
    await asyncio.sleep(AWAY)
    await asyncio.to_thread(people.cluster.redis.start)
    fault.end()


class PostgresStopped:
    def __init__(self, mode):
        self.mode = mode

    async def __call__(self, people):
        """In the worst moment: when the ends of some sessions were just committed, and are still to be heard of."""
        postgres = people.cluster.postgres
        await the_first_of_many_sign_outs(people)
        fault = people.ledger.fault(f"PostgreSQL ({self.mode})")
        postgres.stop(self.mode)
        await asyncio.to_thread(postgres.wait)
        await asyncio.sleep(AWAY / 2)
        await asyncio.to_thread(postgres.start)
        fault.end()


async def the_first_of_many_sign_outs(people):
    chains = [people.left.pop() for _ in range(min(STORM, len(people.left)))]
    assert chains, "no session is left to sign out of"
    await asyncio.wait([asyncio.create_task(people.sign_out(chain)) for chain in chains], return_when=asyncio.FIRST_COMPLETED)
