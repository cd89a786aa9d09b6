"""Words that break things elsewhere: for SQL, for pages, for paths, for numbers, for whoever reads text."""

from __future__ import annotations

SQL = [
    "' OR '1'='1", "'; DROP TABLE products; --", "1; SELECT pg_sleep(10)", "\\'; --", "%' AND 1=CAST((SELECT version()) AS int)--",
    "$1", "{}", "${x}", "''", '"', "E'\\\\x'", "1 UNION SELECT NULL,NULL--", "/**/OR/**/1", "%", "_", "\\",
]  # fmt: skip
MARKUP = [
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "javascript:alert(1)", "<svg/onload=alert(1)>",
    "{{7*7}}", "{% raw %}", "${7*7}", "<!--", "]]>", "&#x3C;script&#x3E;", "</title><script>", "'-alert(1)-'",
    "<a href=data:text/html,x>", "\u202ereversed", "＜script＞",
]  # fmt: skip
PATHS = [
    "../../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "....//....//", "%2e%2e/", "..;/", "/etc/passwd", "C:\\boot.ini",
    "\\\\host\\share", "file:///etc/passwd", "http://169.254.169.254/latest/meta-data/", "//evil.example/", ".git/config",
    ".env", "a/../../internal/catalog/quotes", "%00", "x%00.html", "%c0%ae%c0%ae/", "%ff%fe", "%", "%zz", "~root",
]  # fmt: skip
TEXTS = [
    "", " ", "\t", "\n", "\r\nX-Injected: 1", "\x00", "a\x00b", "\x7f", "\ufeff", "\ufffe", "\U0001f600", "ﷺ" * 20,
    "e" + "\u0301" * 300, "a" * 5000, "null", "undefined", "NaN", "true", "-", "0x10", "１２", "⁰", "\ud7ff", "İ",
    "() { :; }; echo", "`id`", "$(id)", "| id", "%s%s%n", "A" * 200,
]  # fmt: skip
NUMBERS = [
    "0", "-1", "-0", "1e309", "1e-400", "9" * 30, "9" * 400, "2147483648", "9223372036854775808", "1.5", "0.1", "NaN", "Infinity",
    "-Infinity", "1_000", "1,5", "０", "+1", " 1", "1 ", "0b1", "--1",
]  # fmt: skip
TOKENS = [
    "Bearer ",
    "Bearer x",
    "Basic YTpi",
    "bearer  two",
    "Bearer " + "a" * 3000,
    "Bearer é",
    "Digest",
    "kiosk_" + "0" * 43,
]
CURSORS = [  # as lists write theirs, but of moments that have no time in UTC, and of numbers that no column holds
    "WyJuZXdlc3QiLCIwMDAxLTAxLTAxVDAwOjAwOjAwKzE0OjAwIixudWxsLG51bGwsbnVsbCwxXQ",
    "WyJuZXdlc3QiLCI5OTk5LTEyLTMxVDIzOjU5OjU5LTE0OjAwIixudWxsLG51bGwsbnVsbCwxXQ",
    "WyJwcmljZSIsbnVsbCw5MjIzMzcyMDM2ODU0Nzc1ODA4LG51bGwsbnVsbCwxXQ",
]
ALL = [*SQL, *MARKUP, *PATHS, *TEXTS, *NUMBERS, *CURSORS]

BROKEN_HTTP = [
    b"", b"\r\n\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/3.7\r\n\r\n", b"\x16\x03\x01\x00\xa5\x01\x00\x00", b"\x00" * 100,
    b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n: nameless\r\n\r\n",
    b"G\x80T / HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /\x80\xff HTTP/1.1\r\nHost: a\r\n\r\n", b"GET  /  HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nabc\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"GET http://evil.example/ HTTP/1.1\r\nHost: a\r\n\r\n", b"CONNECT evil.example:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", b"TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AA\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-maybe\r\nContent-Length: 3\r\n\r\nabc",
    b"GET / HTTP/1.1\r\nHost: \r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n", b"GET / HTTP/1.1\nHost: a\n\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 3000 + b"\r\n", b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
]  # fmt: skip
