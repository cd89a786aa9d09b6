"""The page that explains the API is made from the document alone."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
from markupsafe import escape

from services.storefront.api_examples import curl_command, example_of
from services.storefront.api_reference import PATH, ApiReference
from services.storefront.schema_text import constraints_of, markup_of_backticks, type_of

_TEXT = {"type": "string"}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Shop", "description": "Has a `type`"},
    "paths": {
        "/api/orders/{token}": {
            "post": {
                "operationId": "checkout.order",
                "tags": ["checkout"],
                "summary": "Order",
                "security": [{"admin": []}],
                "parameters": [
                    {"name": "token", "in": "path", "required": True, "schema": {"type": "string"}},
                    {
                        "name": "Idempotency-Key",
                        "in": "header",
                        "required": True,
                        "schema": {"type": "string"},
                    },
                ],
                "requestBody": {
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}
                },
                "responses": {"201": {"description": "Success"}, "409": {"description": "`/problems/x`"}},
            }
        }
    },
    "components": {
        "schemas": {
            "Order": {
                "type": "object",
                "description": "What is <b>wanted</b>",
                "required": ["email"],
                "properties": {
                    "email": {"type": "string", "maxLength": 200},
                    "gift": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
                    "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Order"}},
                },
            }
        }
    },
}


async def test_the_document_is_served_as_committed_and_revalidated(lonely_shop: httpx.AsyncClient) -> None:
    first = await lonely_shop.get("/api/openapi.json")
    assert first.content == PATH.read_bytes()
    again = await lonely_shop.get("/api/openapi.json", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304


async def test_the_page_shows_every_operation_and_every_shape(lonely_shop: httpx.AsyncClient) -> None:
    page = (await lonely_shop.get("/api/docs")).text
    document = msgspec.json.decode(PATH.read_bytes())
    for methods in document["paths"].values():
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in page
            assert escape(operation["summary"]) in page
    for name in document["components"]["schemas"]:
        assert f'id="shape-{name}"' in page


def test_operations_are_grouped_by_their_service() -> None:
    reference = ApiReference(msgspec.json.encode(DOCUMENT), "http://shop")
    (endpoint,) = reference.services["checkout"]
    assert (endpoint.method, endpoint.admin) == ("POST", True)
    assert [answer.good for answer in endpoint.answers] == [True, False]
    assert reference.about == "Has a <code>type</code>"


def test_a_shape_tells_its_fields_and_escapes_what_it_says() -> None:
    (shape,) = ApiReference(msgspec.json.encode(DOCUMENT), "http://shop").shapes
    assert shape.description == "What is &lt;b&gt;wanted&lt;/b&gt;"
    email, gift, parts = shape.fields
    assert (email.required, email.constraints) == (True, ["at most 200 characters"])
    assert (gift.required, gift.type) == (False, "true or false or null")
    assert parts.type == 'list of <a href="#shape-Order">Order</a>'


def test_an_example_of_a_shape_that_holds_itself_ends() -> None:
    schema = DOCUMENT["components"]["schemas"]["Order"]
    assert example_of({"$ref": "#/components/schemas/Order"}, DOCUMENT) == {
        "email": "…",
        "gift": True,
        "parts": [],
    }
    assert example_of(schema, DOCUMENT)["email"] == "…"


def test_curl_carries_the_key_the_headers_and_a_body() -> None:
    operation = DOCUMENT["paths"]["/api/orders/{token}"]["post"]
    command = curl_command("http://shop", "POST", "/api/orders/{token}", operation, DOCUMENT)
    assert command.startswith("curl -X POST")
    assert '-H "Authorization: Bearer $ADMIN_API_KEY"' in command
    assert '-H "Idempotency-Key: $(uuidgen)"' in command
    assert "--json '{" in command
    assert command.endswith("http://shop/api/orders/TOKEN")


def test_curl_names_the_media_type_of_a_body_that_is_no_json_document() -> None:
    line = {"$ref": "#/components/schemas/Order"}
    operation = {"requestBody": {"content": {"application/x-ndjson": {"schema": line}}}}
    command = curl_command("http://shop", "POST", "/api/import", operation, DOCUMENT)
    assert '-H "Content-Type: application/x-ndjson"' in command
    assert "--data-binary '{" in command


def test_limits_are_told_in_words() -> None:
    schema = {"type": "array", "maxItems": 20, "items": {"type": "string", "maxLength": 200}}
    assert type_of(schema) == "list of text"
    assert constraints_of(schema) == ["at most 20 items", "each at most 200 characters"]
    assert constraints_of({"type": "boolean", "default": False}) == ["default false"]
    assert type_of({"enum": ["a", "b"]}) == "<code>a</code> | <code>b</code>"
    assert markup_of_backticks("<i> `<b>`") == "&lt;i&gt; <code>&lt;b&gt;</code>"
