from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest

from infra_mind.artefacts import intake
from infra_mind.errors import ArtefactRefused, BadInput, FileLeftOut, TooLarge
from infra_mind.model.inventory import Artefact
from infra_mind.settings import IntakeLimits


def zipped(*files: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("given", "plain"), [("a/b.tf", "a/b.tf"), ("./a//b.tf", "a/b.tf"), ("ü/b.tf", "ü/b.tf")]
)
def test_a_safe_path(given: str, plain: str) -> None:
    assert intake.safe_path(given) == plain


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "/etc/passwd",
        "../a.tf",
        "a/../../b.tf",
        "a\\b.tf",
        "C:/a.tf",
        "c:a.tf",
        "a\0.tf",
        "a\n.tf",
        "x" * 600,
    ],
)
def test_an_unsafe_path(path: str) -> None:
    with pytest.raises(ArtefactRefused):
        intake.safe_path(path)


def test_a_folder_is_read_sorted_with_forward_slashes(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "main.tf").write_text("a")
    (tmp_path / "compose.yaml").write_text("b")
    (tmp_path / "Dockerfile").write_text("c")
    (tmp_path / "notes.txt").write_text("d")
    assert [a.path for a in intake.collect(tmp_path)] == ["Dockerfile", "compose.yaml", "net/main.tf"]


@pytest.mark.parametrize("folder", [".git", ".terraform", "node_modules", ".venv"])
def test_folders_of_tools_are_skipped(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "main.tf").write_text("a")
    assert intake.collect(tmp_path) == ()


def test_templates_that_terraform_reads_are_taken(tmp_path: Path) -> None:
    for name in ("init.sh", "user-data.tftpl", "policy.json.tpl"):
        (tmp_path / name).write_text("x")
    assert len(intake.collect(tmp_path)) == 3


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="do not exist"):
        intake.collect(tmp_path / "none")


def test_a_list_of_files_is_taken_whatever_their_names(tmp_path: Path) -> None:
    (tmp_path / "odd.name").write_text("x")
    [only] = intake.collect([tmp_path / "odd.name"])
    assert (only.path, only.content) == ("odd.name", "x")


def folders(root: Path, *names: str) -> list[Path]:
    """Folders with one `main.tf` each, which says where it is."""
    for name in names:
        (root / name).mkdir(parents=True)
        (root / name / "main.tf").write_text(name)
    return [root / name for name in names]


@pytest.mark.parametrize(
    ("names", "paths"),
    [
        (["infra"], ["main.tf"]),
        (["net", "app"], ["app/main.tf", "net/main.tf"]),
        (["shop/infra", "bank/infra"], ["bank/infra/main.tf", "shop/infra/main.tf"]),
        (["a/x/infra", "b/x/infra", "net"], ["a/x/infra/main.tf", "b/x/infra/main.tf", "net/main.tf"]),
        (["shop/infra", "infra"], ["{root}/infra/main.tf", "shop/infra/main.tf"]),
    ],
)
def test_folders_of_one_name_are_told_apart(tmp_path: Path, names: list[str], paths: list[str]) -> None:
    wanted = sorted(path.format(root=tmp_path.name) for path in paths)
    found = intake.collect(folders(tmp_path, *names))
    assert [a.path for a in found] == wanted
    assert {a.content for a in found} == set(names)


def test_named_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    files = [folder / "main.tf" for folder in folders(tmp_path, "shop", "bank")]
    assert [a.path for a in intake.collect(files)] == ["bank/main.tf", "shop/main.tf"]


def test_what_is_reached_twice_is_taken_once(tmp_path: Path) -> None:
    [infra, inner] = folders(tmp_path, "infra", "infra/inner")
    found = intake.collect([infra, infra, inner, infra / "main.tf"])
    assert [a.path for a in found] == ["infra/inner/main.tf", "infra/main.tf"]


def test_a_link_that_leaves_the_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.tf").write_text("x")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "main.tf").symlink_to(tmp_path / "secret.tf")
    with pytest.raises(ArtefactRefused, match="outside the folder"):
        intake.collect(tmp_path / "in")


def test_a_linked_folder_that_leaves_the_folder(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "net").symlink_to(tmp_path / "other")
    with pytest.raises(ArtefactRefused, match="outside the folder"):
        intake.collect(tmp_path / "in")


def test_a_link_to_its_own_parent_ends(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text("x")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert [a.path for a in intake.collect(tmp_path)] == ["main.tf"]


def test_a_file_of_50_mb_in_a_folder_is_left_out_and_the_rest_is_taken(tmp_path: Path) -> None:
    with (tmp_path / "big.tf").open("wb") as file:
        file.truncate(50 * 1024 * 1024)
    (tmp_path / "small.tf").write_text("x")
    with pytest.warns(FileLeftOut, match=r"big\.tf: larger than the limit of 2097152 bytes"):
        big, small = intake.collect(tmp_path)
    assert (big.path, big.content, big.unread().kind) == ("big.tf", None, "too_large")
    assert (small.path, small.content) == ("small.tf", "x")


def test_what_is_left_out_does_not_count_into_the_sum(tmp_path: Path) -> None:
    (tmp_path / "big.tf").write_text("x" * 300)
    (tmp_path / "small.tf").write_text("x" * 90)
    with pytest.warns(FileLeftOut):
        assert len(intake.collect(tmp_path, IntakeLimits(max_file=100, max_total=100))) == 2


def test_a_file_of_50_mb_that_was_named_is_refused_with_its_name(tmp_path: Path) -> None:
    with (tmp_path / "big.tf").open("wb") as file:
        file.truncate(50 * 1024 * 1024)
    with pytest.raises(TooLarge, match=r"big\.tf: larger than the limit of 2097152 bytes"):
        intake.collect(tmp_path / "big.tf")


def test_the_total_is_limited(tmp_path: Path) -> None:
    for i in range(3):
        (tmp_path / f"{i}.tf").write_text("x" * 100)
    with pytest.raises(TooLarge, match=r"2\.tf"):
        intake.collect(tmp_path, IntakeLimits(max_total=250))


def test_the_number_of_files_is_limited() -> None:
    with pytest.raises(TooLarge, match="More than 1 files"):
        intake.from_inline([("a.tf", ""), ("b.tf", "")], IntakeLimits(max_files=1))


def test_a_path_given_twice() -> None:
    with pytest.raises(ArtefactRefused, match="twice"):
        intake.from_inline([("a.tf", "1"), ("./a.tf", "2")])


def test_a_binary_file_is_kept_as_a_problem(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_bytes(b"\x7fELF\0\0")
    assert intake.collect(tmp_path) == (Artefact(path="main.tf", problem="a binary file"),)


def test_invalid_utf8_is_kept_as_a_problem(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_bytes(b"ok\xff")
    assert intake.collect(tmp_path)[0].problem == "not valid UTF-8 (byte 2)"


def test_a_lone_surrogate_is_kept_as_a_problem() -> None:
    [only] = intake.from_inline([("a.tf", "\ud800")])
    assert (only.content, only.problem) == (None, "not valid UTF-8 (a lone surrogate)")


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_bytes(b"\xef\xbb\xbfx = 1")
    assert intake.collect(tmp_path)[0].content == "x = 1"


def test_a_zip_is_read() -> None:
    assert [a.path for a in intake.from_zip(zipped(("b/x.tf", b"1"), ("a.yaml", b"2")))] == [
        "a.yaml",
        "b/x.tf",
    ]


def test_a_zip_bomb() -> None:
    with pytest.raises(TooLarge, match=r"bomb\.tf: unpacks to more than 100 times"):
        intake.from_zip(zipped(("bomb.tf", b"0" * 1_500_000)))


def test_a_zip_with_one_file_over_the_limit() -> None:
    with pytest.raises(TooLarge, match=r"big\.tf: larger than"):
        intake.from_zip(zipped(("big.tf", b"0" * 50_000_000)), IntakeLimits(max_zip_ratio=1e9))


def test_a_zip_that_lies_about_its_sizes() -> None:
    data = bytearray(zipped(("big.tf", b"ab" * 400_000)))
    central = data.index(b"PK\x01\x02")
    data[central + 24 : central + 28] = struct.pack("<I", 5)
    data[22:26] = struct.pack("<I", 5)
    with pytest.raises((ArtefactRefused, TooLarge)):
        intake.from_zip(bytes(data))


@pytest.mark.parametrize("path", ["../evil.tf", "/etc/evil.tf", "a\\..\\evil.tf", "C:/evil.tf"])
def test_a_zip_with_an_unsafe_path(path: str) -> None:
    with pytest.raises(ArtefactRefused):
        intake.from_zip(zipped((path, b"x")))


def test_a_zip_with_a_link() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("main.tf")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(ArtefactRefused, match="a link in the archive"):
        intake.from_zip(buffer.getvalue())


def test_an_encrypted_zip() -> None:
    data = bytearray(zipped(("a.tf", b"x")))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(ArtefactRefused, match="encrypted"):
        intake.from_zip(bytes(data))


def test_a_zip_in_a_zip_is_not_opened() -> None:
    assert [a.path for a in intake.from_zip(zipped(("in.zip", zipped(("a.tf", b"x"))), ("b.tf", b"y")))] == [
        "b.tf"
    ]


def test_too_many_files_in_a_zip() -> None:
    with pytest.raises(TooLarge, match="More than 2 files"):
        intake.from_zip(zipped(*((f"{i}.tf", b"x") for i in range(3))), IntakeLimits(max_files=2))


@pytest.mark.parametrize(
    "data", [b"", b"not a zip", zipped(("a.tf", b"x"))[:40]], ids=["nothing", "text", "cut off"]
)
def test_what_is_no_zip(data: bytes) -> None:
    with pytest.raises(ArtefactRefused, match="not a readable zip"):
        intake.from_zip(data)


def test_a_zip_with_a_damaged_file() -> None:
    data = bytearray(zipped(("a.tf", b"resource" * 50)))
    data[40] ^= 0xFF
    with pytest.raises(ArtefactRefused, match="not a readable zip"):
        intake.from_zip(bytes(data))


STATE_TEXT = '{\n  "version": 4,\n  "terraform_version": "1.9.5",\n  "serial": 3,\n  "lineage": "l",\n  "outputs": {"p": {"value": "hunter2"}}\n}'
SHOWN_STATE = '{"format_version":"1.0","terraform_version":"1.9.5","values":{"root_module":{}}}'


@pytest.mark.parametrize("name", ["terraform.tfstate", "terraform.tfstate.backup", "dump.json", "shown.json"])
def test_a_state_is_left_out_with_a_warning_and_nothing_of_it_is_kept(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(SHOWN_STATE if name == "shown.json" else STATE_TEXT)
    (tmp_path / "main.tf").write_text("x")
    for root in (tmp_path, [tmp_path / name, tmp_path / "main.tf"]):
        with pytest.warns(
            FileLeftOut, match="a Terraform state: it holds secrets and is not read; hand in a plan instead"
        ):
            state, *_ = sorted(intake.collect(root), key=lambda a: a.content is not None)
        assert (state.path.rpartition("/")[2], state.content, state.unread().kind) == (name, None, "state")


def test_a_state_that_is_sent_is_not_kept() -> None:
    for found in (
        intake.from_inline([("a.json", STATE_TEXT)])[0],
        intake.from_zip(zipped(("terraform.tfstate", b"{}")))[0],
        intake.from_bytes("x/terraform.tfstate", b"\0"),
        intake.from_bytes("a.json", STATE_TEXT.encode()),
    ):
        assert found.content is None
        assert (found.problem or "").startswith("a Terraform state: ")


@pytest.mark.parametrize(
    "text",
    [
        '{"version": 4}',
        '{"version": 3, "services": {}}',
        '{"version": 4, "terraform_version": "1"}',
        "[]",
        "",
    ],
)
def test_other_json_with_a_version_is_no_state(text: str) -> None:
    assert intake.from_inline([("a.json", text)])[0].content == text


def test_a_json_that_powershell_wrote_is_text() -> None:
    assert intake.from_bytes("plan.json", '{"a": "ü"}'.encode("utf-16")).content == '{"a": "ü"}'
    assert intake.from_bytes("plan.json", b"\xff\xfe\x00").content is not None
    assert intake.from_bytes("main.tf", "a".encode("utf-16")).problem == "a binary file"
