"""Our own rules: each catches what it is for, leaves what is right alone, and nothing of ours breaks one."""

import pytest

from ops.code_rules import RULES, TEMPLATE_RULES, all_findings, findings_in

BAD = {
    "built-sql": [
        "await raw.fetch(f\"SELECT * FROM products WHERE slug = '{slug}'\")",
        "await raw.execute(\"DELETE FROM carts WHERE id = '%s'\" % cart_id)",
        'await raw.fetchval("SELECT 1 WHERE {}".format(text))',
    ],
    "markup": ["Markup(title)", 'Markup(f"<b>{title}</b>")', 'markupsafe.Markup("<b>" + title)'],
    "dangerous": [
        "import pickle",
        "from marshal import loads",
        "eval(text)",
        "yaml.load(text)",
        "os.system(line)",
    ],
    "switched-off": [
        "subprocess.run(line, shell=True)",
        "httpx_client(verify=False)",
        "Environment(autoescape=False)",
        "context.verify_mode = ssl.CERT_NONE",
    ],
    "http-client": [
        "httpx.AsyncClient()",
        "httpx.get(url)",
        "urlopen(url)",
        "http_client(follow_redirects=True)",
    ],
    "open-redirect": [
        "RedirectResponse(call.query.next, 303)",
        'see_other(request.query_params["next"])',
        'RedirectResponse(url=request.headers["referer"])',
        "see_other(given.next)",
        'see_other(f"{call.request.headers}/x")',
    ],
    "secret-compare": [
        "given == settings.admin_api_key",
        "if row.token != token: pass",
        "signature == wanted",
    ],
    "environment": ['os.environ["X"]', 'os.getenv("X")'],
}
GOOD = [
    'await raw.fetch(_SQL["one"], slug)',
    'Markup("<b>{}</b>").format(title)',
    'subprocess.run(["ls"])',
    "see_other(local_path(call.query.next))",
    'RedirectResponse(f"/cart?said={quote(call.query.said)}")',
    "hmac.compare_digest(given, token)",
    'kind == "password"',
    "http_client(timeout=3)",
]
BAD_TEMPLATES = {
    "inline": [
        "<script>go()</script>",
        "<style>a{}</style>",
        '<a onclick="go()">',
        '<p style="x">',
        '<a href="javascript:go()">',
    ],
    "safe": ["{{ title|safe }}", "{{ title | safe }}", "{% autoescape false %}"],
}
GOOD_TEMPLATES = ['<script src="/a.js" defer></script>', "{{ ' aria-current'|safe if here }}", "{{ title }}"]


def test_every_rule_has_its_bad_examples() -> None:
    assert {rule.name for rule in RULES} == BAD.keys()
    assert TEMPLATE_RULES.keys() == BAD_TEMPLATES.keys()


@pytest.mark.parametrize(("rule", "code"), [(rule, code) for rule, codes in BAD.items() for code in codes])
def test_a_rule_catches_what_it_is_for(rule: str, code: str) -> None:
    text = f"async def f():\n    {code}\n"
    found = findings_in("services/shop.py", text)
    assert [(one.rule, one.line) for one in found] == [(rule, 2)]
    assert findings_in("services/shop.py", text.rstrip() + f"  # rule: {rule}, because of a reason\n") == []
    assert findings_in("services/shop.py", text.rstrip() + f"  # rule: {rule}, because\n") == found


@pytest.mark.parametrize("code", GOOD)
def test_what_is_right_is_left_alone(code: str) -> None:
    assert findings_in("services/shop.py", f"async def f():\n    {code}\n") == []


@pytest.mark.parametrize(
    ("rule", "code"), [(rule, code) for rule, codes in BAD_TEMPLATES.items() for code in codes]
)
def test_a_rule_catches_it_in_a_template(rule: str, code: str) -> None:
    found = findings_in("services/storefront/templates/x.html", f"<p>\n{code}\n")
    assert [(one.rule, one.line) for one in found] == [(rule, 2)]


@pytest.mark.parametrize("code", GOOD_TEMPLATES)
def test_what_is_right_in_a_template_is_left_alone(code: str) -> None:
    assert findings_in("services/storefront/templates/x.html", code) == []


def test_nothing_of_ours_breaks_a_rule() -> None:
    assert [str(one) for one in all_findings()] == []
