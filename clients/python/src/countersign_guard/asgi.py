"""Protects any ASGI application, such as one of Starlette.

app.add_middleware(GuardMiddleware, guard=guard)        # request.user is a countersign_guard.User
app.add_middleware(GuardMiddleware, guard=guard, clients=True)      # request.scope["caller"]: also a client
"""

import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from .denied import Denied, MissingToken
from .guard import Guard
from .subject import Caller, User

__all__ = ["GuardMiddleware"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class GuardMiddleware:
    """Puts the user of each request into `scope["user"]` and rejects requests without one as RFC 6750 requires.

    A client's token gets 403, unless `clients` is true. `scope["caller"]` is the user or the client.

    :param scopes: the scopes that every token must have.
    :param clients: admits clients on their own behalf too, with `None` as their user.
    :param optional: admits requests without a token, with `None` as their user. An invalid token is still rejected.
    """

    def __init__(
        self,
        app: Application,
        guard: Guard,
        scopes: Iterable[str] = (),
        optional: bool = False,
        clients: bool = False,
    ) -> None:
        self._app = app
        self._guard = guard
        self._scopes = tuple(scopes)
        self._optional = optional
        self._clients = clients

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request, WebSocket or lifespan."""
        if scope["type"] in ("http", "websocket"):
            try:
                caller = await self._caller_of(scope)
            except Denied as denied:
                return await _refuse(denied, scope, send)
            scope["caller"] = caller
            scope["user"] = caller if isinstance(caller, User) else None
        return await self._app(scope, receive, send)

    async def _caller_of(self, scope: Scope) -> Caller | None:
        authorization = [
            value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"authorization"
        ]
        try:
            token = await self._guard.authenticate(authorization, self._scopes)
            return token.caller if self._clients else token.require_user()
        except MissingToken:
            if self._optional:
                return None
            raise


async def _refuse(denied: Denied, scope: Scope, send: Send) -> None:
    kind = "http.response"
    if scope["type"] == "websocket":
        if "websocket.http.response" not in scope.get("extensions", {}):
            # The server answers 403: without the extension, there is no other way to reject a handshake.
            return await send({"type": "websocket.close", "code": 1008})
        kind = "websocket.http.response"
    body = json.dumps(denied.problem).encode()
    fields = denied.headers | {"Content-Type": "application/problem+json", "Content-Length": str(len(body))}
    headers = [(name.lower().encode("ascii"), value.encode("ascii")) for name, value in fields.items()]
    await send({"type": f"{kind}.start", "status": denied.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})
    return None
