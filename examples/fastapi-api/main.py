"""A products API protected by Countersign. Signed-in users can read; adding products needs the scope `products:write`.

    pip install -r requirements.txt
    ISSUER=http://127.0.0.1:8000 uvicorn main:app --port 3000

Settings: ISSUER, AUDIENCE (default: the issuer), ORIGINS (whose pages may call this service, separated by spaces). To sign
in, open /docs and press *Authorize*. The issuer's setting `app_origins` must include this service's origin, unless both are
on this machine.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import UUID

from countersign_guard import Guard, User
from countersign_guard.fastapi import Refusal, current_user, problem_details
from fastapi import Depends, FastAPI, Security
from fastapi.middleware.cors import CORSMiddleware
from pydantic import BaseModel, Field

ISSUER = os.environ.get("ISSUER", "http://127.0.0.1:8000")
ORIGINS = os.environ.get("ORIGINS", "http://127.0.0.1:5173").split()

guard = Guard(ISSUER, audience=os.environ.get("AUDIENCE", ISSUER))
get_current_user = current_user(guard, scopes={"products:write": "Add products"})

Reader = Annotated[User, Depends(get_current_user)]
Writer = Annotated[User, Security(get_current_user, scopes=["products:write"])]


class NewProduct(BaseModel):
    name: str = Field(min_length=1)


class Product(NewProduct):
    id: int
    added_by: UUID | None = None


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield
    await guard.aclose()


app = FastAPI(title="Products", lifespan=lifespan)
app.add_exception_handler(Refusal, problem_details)  # Otherwise, errors are {"detail": "…"}, like FastAPI's own.
# The token is in a header, so the browser sends no cookies here.
app.add_middleware(
    CORSMiddleware,
    allow_origins=ORIGINS,
    allow_methods=["GET", "POST"],
    allow_headers=["Authorization", "Content-Type"],
)
products = [Product(id=1, name="Umbrella")]


@app.get("/products")
async def list_products(user: Reader) -> list[Product]:
    return products


@app.post("/products", status_code=201)
async def add_product(product: NewProduct, user: Writer) -> Product:
    products.append(Product(id=len(products) + 1, name=product.name, added_by=user.id))
    return products[-1]
