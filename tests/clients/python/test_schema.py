"""A fuzz driven by our own OpenAPI document: whatever is sent, the answer is one that the document names, in the shape
that it gives, and never a 5xx. Seeded and bounded: the same requests each time, a few hundred in all."""

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
    allow_header_conformance,
]

bounded = hypothesis.settings(
    max_examples=40,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="session")
def document(unlimited_server):
    return schemathesis.openapi.from_url(f"{unlimited_server.base}/openapi.json")


@pytest.fixture
def token(unlimited_server):
    account = unlimited_server.register()
    return unlimited_server.login(account["email"])["access_token"]


schema = schemathesis.pytest.from_fixture("document")


@schema.parametrize()
@bounded
@pytest.mark.timeout(300)
def test_f_9_an_unauthenticated_client_gets_documented_responses(case: Case):
    case.call_and_validate(checks=checks_of(case), timeout=30)


@schema.parametrize()
@bounded
@pytest.mark.timeout(300)
def test_f_9_a_signed_in_user_gets_documented_responses(case: Case, token):
    case.call_and_validate(checks=checks_of(case), headers={"Authorization": f"Bearer {token}"}, timeout=30)


def checks_of(case: Case):
    # It accepts every method, because proxies use that of their client; the document names one.
    if case.operation.label == "GET /api/auth/forward":
        return [check for check in CHECKS if check is not unsupported_method]
    # Its body may be omitted, and a form without its field is sent without a body.
    if case.operation.label == "POST /api/auth/logout":
        return [check for check in CHECKS if check is not negative_data_rejection]
    return CHECKS


def test_the_document_names_every_path_that_clients_rely_on(unlimited_server):
    document = unlimited_server.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    operations = {(method, path) for path, item in document["paths"].items() for method in item}
    assert operations >= {
        ("post", "/api/auth/register"),
        ("post", "/api/auth/login"),
        ("post", "/api/auth/refresh"),
        ("post", "/api/auth/logout"),
        ("post", "/api/auth/logout-all"),
        ("get", "/api/auth/forward"),
        ("get", "/api/auth/me"),
        ("delete", "/api/auth/me"),
        ("get", "/api/auth/me/export"),
        ("post", "/api/auth/change-password"),
        ("get", "/api/auth/sessions"),
        ("delete", "/api/auth/sessions/{id}"),
        ("get", "/.well-known/jwks.json"),
    }
    assert document["components"]["securitySchemes"]["password"]["flows"]["password"]["tokenUrl"] == "/api/auth/login"
