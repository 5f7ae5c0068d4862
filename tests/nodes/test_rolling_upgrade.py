"""Two nodes, under load, are replaced one by one by the next version, which has a further migration: each stops in order, and
its successor starts at its place. The first successor applies the migration while the other old node serves. Nobody may
notice, except by a request that is repeated once.

The next version is the same program with NEXT_VERSION in its environment (apps/backend/src/migrations.rs)."""

import asyncio
import os
import subprocess

import checks
from cluster import PATIENCE, cluster
from ledger import Ledger, summary
from people import People

NEXT_VERSION = "COUNTERSIGN_TEST_NEXT_VERSION"
# How long the load continues before, between and after the upgrades.
SECONDS = 4.0


def test_f_17_x_40_a_rolling_upgrade_under_load_fails_no_request():
    with cluster(os.environ["COUNTERSIGN_TEST_BIN"], nodes=2, redis=False) as world:
        before = schema(world)
        ledger = asyncio.run(upgrade(world))
        lost = list(checks.lost_writes(ledger, world.postgres))
        split = checks.tokens_with_two_successors(ledger)
        assert len(schema(world)) == len(before) + 1, "the next version applied no migration: was the program built for tests?"
        refused = old_version_started_again(world)
    print("", *summary(ledger), sep="\n")
    assert not ledger.violations, "\n".join(ledger.violations)
    assert lost == []
    assert split == []
    failed = [attempt for attempt in ledger.attempts if attempt.failed and attempt.again]
    assert failed == []
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "which this version does not know" in refused.stderr
    print(f"an old program that is started on the new schema ends with {refused.returncode}:\n  {refused.stderr.strip().splitlines()[-1]}")


async def upgrade(world):
    ledger = Ledger()
    people = People(world, ledger)
    load = asyncio.create_task(people.live())
    await asyncio.sleep(SECONDS)
    for node in world.nodes:
        fault = ledger.fault("a node replaced")
        await asyncio.to_thread(node.stop)
        node.environment[NEXT_VERSION] = "1"
        await asyncio.to_thread(node.start)
        fault.end()
        await asyncio.sleep(SECONDS)
    people.over = True
    await load
    await checks.living_chains_still_refresh(people)
    await people.finish()
    await checks.revoked_tokens_are_refused_by_all(people)
    await people.client.aclose()
    return ledger


def schema(world):
    return world.postgres.ask("SELECT version FROM schema_migrations ORDER BY version")


def old_version_started_again(world):
    """What it says when it meets the new schema."""
    node = world.nodes[0]
    node.stop()
    del node.environment[NEXT_VERSION]
    return subprocess.run(
        [node.program, "serve"], cwd=node.folder, env=node.environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
