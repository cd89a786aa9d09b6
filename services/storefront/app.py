"""The storefront's whole surface; buying stands in the pages of its nouns.

/cart, .../lines, .../quantity, .../discount, .../discount/remove    cart_pages
/checkout                                                            checkout_pages
/orders/{token}, .../progress, .../cancel                            order_pages
/language                                                            language_pages
/robots.txt, /sitemap.xml, /sitemaps/{name}                          crawlers
"""

from operator import attrgetter

from services.operations import operation
from services.service import Service
from services.storefront import cart_pages, checkout_pages, crawlers, language_pages, order_pages
from services.storefront.api_pages import api_docs, openapi_json
from services.storefront.content_security import ContentSecurity
from services.storefront.error_pages import error_page
from services.storefront.filters import ListingQuery
from services.storefront.languages import RequestLanguage
from services.storefront.pages import category, home, product, search
from services.storefront.shop import open_shop
from services.storefront.static import asset, favicon, picture

service = Service(
    name="storefront",
    resources=open_shop,
    error_page=error_page,
    middleware=(ContentSecurity, RequestLanguage),
    limiter=attrgetter("limiter"),
    smoke_paths=("/", "/cart", "/robots.txt"),
    operations=[
        operation("GET", "/", home, "What the shop has, newest first", page=True),
        operation(
            "GET", "/categories/{slug}", category, "A category's products", query=ListingQuery, page=True
        ),
        operation("GET", "/products/{slug}", product, "One product", page=True),
        operation("GET", "/search", search, "Products by words and filters", query=ListingQuery, page=True),
        *language_pages.OPERATIONS,
        *cart_pages.OPERATIONS,
        *checkout_pages.OPERATIONS,
        *order_pages.OPERATIONS,
        operation("GET", "/api/openapi.json", openapi_json, "The API as an OpenAPI document", page=True),
        operation("GET", "/api/docs", api_docs, "The same to read", page=True),
        operation("GET", "/assets/{name}", asset, "A stylesheet or a sign", page=True, admission="exempt"),
        operation("GET", "/pictures/{motif}/{name}", picture, "A product's picture", page=True),
        operation("GET", "/favicon.ico", favicon, "The shop's sign", page=True, admission="exempt"),
        *crawlers.OPERATIONS,
    ],
)
