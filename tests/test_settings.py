"""Settings: typed, complete, documented."""

import re
from pathlib import Path

import pytest

from ops.deploy.settings import DEPLOY_GROUPS
from services.settings import GROUPS, DatabaseSettings, Group, ProcessSettings, RedisSettings, SettingError

ROOT = Path(__file__).parent.parent


def _documented(file: str) -> set[str]:
    return set(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", (ROOT / file).read_text(), re.MULTILINE))


DOCUMENTS: dict[str, tuple[type[Group], ...]] = {
    "env.example": GROUPS,
    ".env.production.example": (*GROUPS, *DEPLOY_GROUPS),
}


@pytest.mark.parametrize("file", DOCUMENTS)
def test_every_variable_is_documented_and_nothing_else(file: str) -> None:
    known = {variable for group in DOCUMENTS[file] for variable in group.variables()}
    assert _documented(file) == known


def test_no_variable_belongs_to_two_groups() -> None:
    names = [variable for group in (*GROUPS, *DEPLOY_GROUPS) for variable in group.variables()]
    assert len(names) == len(set(names))


def test_a_wrong_value_stops_with_the_variables_name() -> None:
    with pytest.raises(SettingError, match=r"^kiosk: APP_PORT: "):
        ProcessSettings.read({"APP_PORT": "eighty"})


def test_an_out_of_range_value_stops_with_the_variables_name() -> None:
    with pytest.raises(SettingError, match="REDIS_POOL_MAX"):
        RedisSettings.read({"REDIS_POOL_MAX": "0"})


def test_a_required_variable_left_out_stops_with_its_name() -> None:
    from services.settings import HealthSettings

    with pytest.raises(SettingError, match="CATALOG_READY_URL: is not set"):
        HealthSettings.read({})


def test_an_empty_value_counts_as_unset() -> None:
    assert ProcessSettings.read({"APP_PORT": ""}).app_port == ProcessSettings.read({}).app_port


def test_a_secret_may_come_as_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret\n")
    assert ProcessSettings.read({"ADMIN_API_KEY_FILE": str(tmp_path / "key")}).admin_api_key == "s3cret"


def test_a_missing_secret_file_stops_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="DATABASE_URL_FILE"):
        DatabaseSettings.read({"DATABASE_URL_FILE": str(tmp_path / "nothing")})
