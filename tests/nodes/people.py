"""Steady, paced load: people who sign up, sign in, refresh, look, and sign out, through nginx, and who repeat a request
once if it was not answered. What they are told goes into a ledger, and each token that was taken back is shown to every
node afterwards."""

import asyncio
import random
import time
from contextlib import suppress
from uuid import uuid4

import httpx
from ledger import Attempt, Chain, Refusal

PASSWORD = "a long umbrella"
# The interval between a user's actions. Slow requests do not delay other users.
PACE = 0.5
PEOPLE = 24
# When a revoked token is presented again to a node that has rejected it, counted from the 204.
LATER = (1.1, 4.0, 12.0)
# No node may accept it in a request that is sent later than this after the 204.
SOON = 1.0


class People:
    def __init__(self, cluster, ledger):
        self.cluster, self.ledger = cluster, ledger
        self.client = httpx.AsyncClient(timeout=20, limits=httpx.Limits(max_connections=400, max_keepalive_connections=100))
        self.left, self.watchers, self.over = [], [], False

    async def live(self):
        """Everybody, until `over`."""
        await asyncio.gather(*(self.person(number) for number in range(PEOPLE)))

    async def person(self, number):
        ticks = self.ticks(number * PACE / PEOPLE)
        while await anext(ticks, False):
            with suppress(Wrong):
                await self.session(ticks)

    async def session(self, ticks):
        chain = await self.sign_up_and_in(ticks)
        if chain is None:
            return
        for act in random.sample([self.refresh] * 3 + [self.pair] * 2 + [self.me] * 3, k=8):
            while await anext(ticks, False) and not await act(chain):
                pass
        if random.random() < 0.3:
            # The session remains active, and must be active at the end.
            self.left.append(chain)
            return
        by_refresh_token = random.random() < 0.5
        while await anext(ticks, False) and not await self.sign_out(chain, by_refresh_token=by_refresh_token):
            pass

    async def ticks(self, first):
        due = time.monotonic() + first
        while not self.over:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            yield not self.over
            due = max(due + PACE, time.monotonic())

    async def sign_up_and_in(self, ticks):
        email = f"ada-{uuid4()}@example.com"
        account = {"email": email, "password": PASSWORD}
        answer, doubt = await self.ask("register", "POST", "/api/auth/register", json=account)
        # If the response of the first attempt was lost, it may have created the account.
        if answer is None:
            return None
        self.expect("register", answer, 201, *([409] if doubt else []))
        self.ledger.accounts.add(email)
        while await anext(ticks, False):
            answer, _ = await self.ask("login", "POST", "/api/auth/login", json=account)
            if answer is not None:
                self.expect("login", answer, 200)
                chain = Chain(email, answer.json()["access_token"], answer.json()["refresh_token"])
                self.ledger.chains.append(chain)
                return chain
        return None

    async def refresh(self, chain):
        answer, _ = await self.spend(chain)
        return self.take(chain, [answer])

    async def pair(self, chain):
        """Two windows of one browser: one token, at the same moment, at two nodes."""
        living = [node.base for node in self.cluster.nodes if node.up]
        places = random.sample(living, k=2) if len(living) > 1 else [None, None]
        answers = [answer for answer, _ in await asyncio.gather(*(self.spend(chain, base) for base in places))]
        if None not in answers:
            self.ledger.pairs += 1
        return self.take(chain, answers)

    def spend(self, chain, base=None):
        return self.ask("refresh", "POST", "/api/auth/refresh", base=base, json={"refresh_token": chain.refresh})

    def take(self, chain, answers):
        answers = [answer for answer in answers if answer is not None]
        if not answers:
            return False
        for answer in answers:
            self.expect("refresh", answer, 200)
        tokens = [answer.json() for answer in answers]
        given = self.ledger.successors[chain.refresh]
        given |= {token["refresh_token"] for token in tokens}
        if len(given) > 1:
            self.ledger.violated(f"a refresh token has the successors {given}")
        chain.access, chain.refresh = tokens[-1]["access_token"], tokens[-1]["refresh_token"]
        return True

    async def me(self, chain):
        answer, _ = await self.ask("me", "GET", "/api/auth/me", headers=bearer(chain.access))
        if answer is None:
            return False
        self.expect("me", answer, 200)
        if answer.json()["email"] != chain.email:
            self.ledger.violated("one account was shown to the owner of another")
        return True

    async def sign_out(self, chain, *, by_refresh_token=False):
        """Says whether there was an answer; then all nodes are watched."""
        how = {"json": {"refresh_token": chain.refresh}} if by_refresh_token else {"headers": bearer(chain.access)}
        answer, doubt = await self.ask("logout", "POST", "/api/auth/logout", **how)
        chain.doubtful = chain.doubtful or doubt
        if answer is None:
            return False
        # An earlier attempt may have ended the session with its response lost: then its token is rejected.
        self.expect("logout", answer, 204, *([401] if chain.doubtful else []))
        if answer.status_code == 204:
            chain.ended, chain.doubtful = time.monotonic(), False
            self.watchers += [asyncio.create_task(self.watch(chain, node)) for node in self.cluster.nodes]
        return True

    async def watch(self, chain, node):
        """Shows a token that was taken back to a node until it refuses it, and some more times later."""
        lives, was_up, refusal = node.lives, node.up, Refusal(node.name)
        while (status := await self.show(chain, node, refusal)) != 401 and not (self.over and status == 0):
            was_up = was_up and node.up
            await asyncio.sleep(0.02)
        if status == 401 and was_up and node.up and lives == node.lives:
            refusal.refused = time.monotonic() - chain.ended
        self.ledger.refusals.append(refusal)
        for later in LATER:
            while not self.over and time.monotonic() < chain.ended + later:
                await asyncio.sleep(0.2)
            await self.show(chain, node, refusal)

    async def show(self, chain, node, refusal):
        sent = time.monotonic()
        try:
            answer = await self.client.get(f"{node.base}/api/auth/me", headers=bearer(chain.access))
        except httpx.TransportError:
            return 0
        late = sent - chain.ended
        if answer.status_code == 200:
            refusal.last_accepted = late
            if late > SOON:
                told, sent = self.ledger.at(chain.ended), self.ledger.at(sent)
                self.ledger.violated(f"{node.name} (life {node.lives}) accepted a token at {sent:.3f} s whose end was told at {told:.3f} s")
        elif answer.status_code not in {401, 503}:
            self.ledger.violated(f"{node.name} answered {answer.status_code} to a revoked token: {answer.text}")
        return answer.status_code

    async def ask(self, what, method, path, *, base=None, **request):
        """One request, repeated once if it was not answered. With the answer (or none) comes whether there was doubt:
        a first attempt with an unknown outcome."""
        for again in (False, True):
            began = time.monotonic()
            try:
                place = self.cluster.gateway if again or base is None else base
                answer = await self.client.request(method, place + path, **request)
                status = answer.status_code
            except httpx.TransportError:
                answer, status = None, 0
            attempt = Attempt(what, began, time.monotonic(), status, again, base is not None)
            self.ledger.attempts.append(attempt)
            if not attempt.failed:
                return answer, again
            if not again:
                # The `Retry-After` of a node; nginx sends none.
                wait = answer.headers.get("retry-after", "0") if answer is not None else "0"
                await asyncio.sleep(max(float(wait), 0.1))
        return None, True

    def expect(self, what, answer, *statuses):
        if answer.status_code not in statuses:
            self.ledger.violated(f"{what} was answered {answer.status_code}: {answer.text}")
            raise Wrong

    async def finish(self):
        """Users stop acting; what is being watched is seen through."""
        self.over = True
        await asyncio.gather(*self.watchers)


class Wrong(Exception):
    """An answer that no fault excuses; it is in the ledger."""


def bearer(token):
    return {"Authorization": f"Bearer {token}"}
