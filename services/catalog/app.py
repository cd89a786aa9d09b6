"""The catalog's whole surface. What the storefront asks of slugs stands in slug_endpoints."""

from operator import attrgetter

from services.catalog import endpoints, slug_endpoints
from services.catalog.import_shapes import ImportLine, ImportReport
from services.catalog.resources import open_catalog
from services.catalog.shapes import (
    CategoryTree,
    ListQuery,
    Product,
    ProductPage,
    QuoteQuery,
    Quotes,
    Suggestions,
    SuggestQuery,
)
from services.errors import Invalid
from services.operations import operation
from services.service import Service

service = Service(
    name="catalog",
    resources=open_catalog,
    limiter=attrgetter("limiter"),
    smoke_paths=("/api/catalog/products?limit=1", "/api/catalog/categories"),
    operations=[
        operation(
            "GET",
            "/api/catalog/products",
            endpoints.list_products,
            "List or search products",
            query=ListQuery,
            answer=ProductPage,
            cached=True,
            problems=(Invalid,),
        ),
        operation(
            "GET",
            "/api/catalog/products/{slug}",
            endpoints.get_product,
            "One product with its variants",
            answer=Product,
            cached=True,
        ),
        operation(
            "GET",
            "/api/catalog/categories",
            endpoints.get_categories,
            "The tree of categories",
            answer=CategoryTree,
            cached=True,
        ),
        operation(
            "GET",
            "/api/catalog/suggest",
            endpoints.get_suggestions,
            "Up to 8 suggestions for what has been typed",
            query=SuggestQuery,
            answer=Suggestions,
            cached=True,
        ),
        operation(
            "POST",
            "/api/catalog/admin/import",
            endpoints.import_products,
            "Import products, one per line",
            lines=ImportLine,
            admission="exempt",  # lasts as long as its caller sends
            answer=ImportReport,
            admin=True,
        ),
        operation(
            "GET",
            "/internal/catalog/quotes",
            endpoints.get_quotes,
            "Prices and weights for checkout",
            query=QuoteQuery,
            admission="reserved",
            answer=Quotes,
        ),
        *slug_endpoints.OPERATIONS,
    ],
)
