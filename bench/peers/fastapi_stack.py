"""The stack that Countersign was first described on: FastAPI, python-jose, SQLAlchemy and asyncpg. ES256 from PEM files,
a form login, and `get_current_user` before a route that loads the user. The login, a stub there, checks Argon2id here.

DATABASE_URL=postgresql+asyncpg://… KEYS=folder uvicorn fastapi_stack:app"""

import os
import uuid
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from fastapi import Depends, FastAPI, HTTPException
from fastapi.concurrency import run_in_threadpool
from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm
from jose import JWTError, jwt
from pydantic import BaseModel, ConfigDict
from sqlalchemy import String, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

keys = Path(os.environ["KEYS"])
private_key, public_key = (keys / "private.pem").read_text(), (keys / "public.pem").read_text()
engine = create_async_engine(os.environ["DATABASE_URL"], pool_size=16)
sessions = async_sessionmaker(engine, expire_on_commit=False)
# Countersign's default parameters.
hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    email: Mapped[str] = mapped_column(String(320), unique=True)
    password_hash: Mapped[str] = mapped_column(String(200))


class UserOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    email: str


async def session():
    async with sessions() as opened:
        yield opened


Session = Annotated[AsyncSession, Depends(session)]


def get_current_user(token: Annotated[str, Depends(OAuth2PasswordBearer(tokenUrl="/api/auth/login"))]) -> uuid.UUID:
    try:
        return uuid.UUID(jwt.decode(token, public_key, algorithms=["ES256"])["sub"])
    except (JWTError, KeyError, ValueError):
        raise HTTPException(401, "Could not validate credentials", {"WWW-Authenticate": "Bearer"}) from None


@asynccontextmanager
async def lifespan(_):
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with sessions() as opened:
        opened.add(User(email="ada@example.com", password_hash=hasher.hash("an umbrella for tests")))
        await opened.commit()
    yield


app = FastAPI(lifespan=lifespan)


@app.post("/api/auth/login")
async def login(form: Annotated[OAuth2PasswordRequestForm, Depends()], database: Session):
    user = await database.scalar(select(User).where(User.email == form.username))
    try:
        await run_in_threadpool(hasher.verify, user.password_hash if user else "", form.password)
    except VerifyMismatchError:
        raise HTTPException(401, "Incorrect username or password") from None
    claims = {"sub": str(user.id), "exp": datetime.now(UTC) + timedelta(days=15)}
    return {"access_token": jwt.encode(claims, private_key, algorithm="ES256"), "token_type": "bearer"}


@app.get("/api/auth/me")
async def me(user_id: Annotated[uuid.UUID, Depends(get_current_user)], database: Session) -> UserOut:
    user = await database.get(User, user_id)
    if user is None:
        raise HTTPException(401, "Could not validate credentials", {"WWW-Authenticate": "Bearer"})
    return UserOut.model_validate(user)
