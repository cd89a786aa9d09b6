"""The import file: the same products, in the form in which a shopkeeper brings them."""

from pathlib import Path

import pytest

from ops.demo.__main__ import main
from ops.demo.categories import grow
from ops.demo.export import export_lines
from ops.demo.products import products
from ops.demo.vocabulary import departments
from services.catalog.import_lines import decode_line


def test_every_exported_line_can_be_imported() -> None:
    made = list(products(300, 3, grow(departments())))
    lines = [decode_line(n, raw, "EUR") for n, raw in enumerate(export_lines(300, 3, "EUR"), start=1)]
    assert [line.slug for line in lines] == [product.slug for product in made]
    for line, product in zip(lines, made, strict=True):
        assert [v.price_minor for v in line.content.variants] == [v.price_minor for v in product.variants]
        assert [v.weight_grams for v in line.content.variants] == [v.weight_grams for v in product.variants]
        assert line.stock == {v.sku: v.available for v in product.variants}
        assert line.content.published == (product.published_at is not None)
        assert all(2 <= len(path) <= 4 for path in line.paths)


def test_a_file_is_written_without_a_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "products.ndjson"
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setattr("sys.argv", ["ops.demo", "--products", "20", "--seed", "3", "--export", str(file)])
    main()
    assert file.read_bytes() == b"".join(export_lines(20, 3, "EUR"))
    assert "20 products" in capsys.readouterr().out
