"""What must be true when everybody has gone: of the database, and of every node."""

import asyncio

from ledger import digest
from people import Wrong, bearer

# The number of concurrent requests.
ABREAST = 16


async def living_chains_still_refresh(people):
    """The newest refresh token that a client was handed is the one that counts."""
    living = [chain for chain in people.ledger.chains if chain.ended is None and not chain.doubtful]

    async def refresh(chain):
        try:
            if not await people.refresh(chain):
                people.ledger.violated("a session that lives could not be refreshed, though nothing is broken any more")
        except Wrong:
            pass

    await abreast(refresh(chain) for chain in living)
    return len(living)


async def revoked_tokens_are_refused_by_all(people):
    async def show(chain, node):
        answer = await people.client.get(f"{node.base}/api/auth/me", headers=bearer(chain.access))
        if answer.status_code != 401:
            people.ledger.violated(f"{node.name} answers {answer.status_code} to a revoked token at the end")

    ended = [chain for chain in people.ledger.chains if chain.ended is not None]
    await abreast(show(chain, node) for chain in ended for node in people.cluster.nodes)


async def abreast(many):
    gate = asyncio.Semaphore(ABREAST)

    async def one(work):
        async with gate:
            await work

    await asyncio.gather(*(one(work) for work in many))


def lost_writes(ledger, postgres):
    """What was answered with success and is not in the database."""
    accounts = {email for [email] in postgres.ask("SELECT email FROM accounts")}
    yield from (f"the account {email}" for email in ledger.accounts - accounts)
    sessions = {session: ended == "t" for session, ended in postgres.ask("SELECT id, revoked_at IS NOT NULL FROM sessions")}
    bits = {(int(number), int(idx)) for number, idx in postgres.ask("SELECT list, idx FROM revocations WHERE number IS NOT NULL")}
    for chain in ledger.chains:
        if chain.session not in sessions:
            yield f"the session {chain.session}"
        elif chain.ended is not None and not sessions[chain.session]:
            yield f"the end of the session {chain.session}"
        elif chain.ended is not None and chain.bit not in bits:
            yield f"the bit of the session {chain.session}"
    rows = postgres.ask("SELECT id, encode(refresh_hash, 'hex'), encode(previous_hash, 'hex') FROM sessions")
    stands = {session: {current, previous} for session, current, previous in rows}
    for chain in ledger.chains:
        # Its newest token is the current one; or it was spent, and the response was lost.
        if digest(chain.refresh) not in stands.get(chain.session, ()):
            yield f"the newest refresh token of the session {chain.session}"


def tokens_with_two_successors(ledger):
    return [spent for spent, given in ledger.successors.items() if len(given) > 1]


def panics(nodes):
    return [line for log in {node.log for node in nodes} for line in log.read_text().splitlines() if "panicked" in line]
