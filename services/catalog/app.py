"""The catalog's whole surface. What the storefront asks of slugs stands in slug_endpoints."""

from operator import attrgetter

from services.catalog import slug_endpoints
from services.catalog.endpoints import (
    get_categories,
    get_product,
    get_quotes,
    get_suggestions,
    import_products,
    list_products,
)
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
            list_products,
            "List or search products",
            query=ListQuery,
            answer=ProductPage,
            problems=(Invalid,),
        ),
        operation(
            "GET",
            "/api/catalog/products/{slug}",
            get_product,
            "One product with its variants",
            answer=Product,
        ),
        operation(
            "GET", "/api/catalog/categories", get_categories, "The tree of categories", answer=CategoryTree
        ),
        operation(
            "GET",
            "/api/catalog/suggest",
            get_suggestions,
            "Up to 8 suggestions for what has been typed",
            query=SuggestQuery,
            answer=Suggestions,
        ),
        operation(
            "POST",
            "/api/catalog/admin/import",
            import_products,
            "Import products, one per line",
            lines=ImportLine,
            admission="exempt",  # lasts as long as its caller sends
            answer=ImportReport,
            admin=True,
        ),
        operation(
            "GET",
            "/internal/catalog/quotes",
            get_quotes,
            "Prices and weights for checkout",
            query=QuoteQuery,
            admission="reserved",
            answer=Quotes,
        ),
        *slug_endpoints.OPERATIONS,
    ],
)
