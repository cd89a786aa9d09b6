"""The catalog's whole surface."""

from services.catalog.endpoints import get_categories, get_product, get_suggestions, list_products
from services.catalog.resources import open_catalog
from services.catalog.shapes import CategoryTree, ListQuery, Product, ProductPage, Suggestions, SuggestQuery
from services.errors import Invalid
from services.operations import operation
from services.service import Service

service = Service(
    name="catalog",
    resources=open_catalog,
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
    ],
)
