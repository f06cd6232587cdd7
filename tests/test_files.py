"""Files are whole under their name, or not there."""

from __future__ import annotations

import errno
import os
import time

import pytest

from scgde._files import check_writable, open_folder, replacing


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_replacing_writes_a_whole_file_in_one_step(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with replacing(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
        assert partial.parent == tmp_path
    assert (path.read_text(), names(tmp_path)) == ("new", ["file"])


def test_replacing_keeps_the_file_before_when_writing_fails(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(OSError, match="full"):
        _write_half(path)
    assert (path.read_text(), names(tmp_path)) == ("old", ["file"])


def _write_half(path):
    with replacing(path) as partial:
        partial.write_text("ne")
        raise OSError(errno.ENOSPC, "full")


def test_replacing_by_two_writers_gives_the_file_of_the_last(tmp_path):
    path = tmp_path / "file"
    with replacing(path) as first, replacing(path) as second:
        first.write_text("first")
        second.write_text("second")
        assert first != second
    assert (path.read_text(), names(tmp_path)) == ("first", ["file"])


@pytest.mark.parametrize("has_links", [True, False])
def test_replacing_without_overwrite_keeps_the_file_of_the_first(tmp_path, monkeypatch, has_links):
    path = tmp_path / "file"
    if not has_links:
        monkeypatch.setattr(os, "link", _no_link)
    with pytest.raises(FileExistsError):
        _write(path, "second", meanwhile=lambda: _write(path, "first"))
    assert (path.read_text(), names(tmp_path)) == ("first", ["file"])


def _write(path, text, meanwhile=lambda: None):
    with replacing(path, overwrite=False) as partial:
        partial.write_text(text)
        meanwhile()


def _no_link(*args, **kwargs):
    raise PermissionError(errno.EPERM, "Operation not permitted")


def test_replacing_follows_a_link_and_keeps_the_usual_permissions(tmp_path):
    target, link, plain = (tmp_path / name for name in ("target", "link", "plain"))
    plain.write_text("")
    link.symlink_to(target)
    with replacing(link) as partial:
        partial.write_text("new")
    assert (link.is_symlink(), target.read_text()) == (True, "new")
    assert target.stat().st_mode == plain.stat().st_mode


def test_replacing_deletes_what_a_killed_writer_left_a_day_ago(tmp_path):
    path, day = tmp_path / "file", 24 * 3600
    ages = {".file.old.partial": 2 * day, ".file.young.partial": 60, ".b.old.partial": 2 * day, ".file.old": 2 * day}
    for name, age in ages.items():
        (tmp_path / name).write_text("")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    with replacing(path) as partial:
        partial.write_text("new")
    assert names(tmp_path) == [".b.old.partial", ".file.old", ".file.young.partial", "file"]


def test_check_writable_leaves_nothing_and_refuses_a_folder(tmp_path):
    check_writable(tmp_path / "file", "output")
    assert names(tmp_path) == []
    with pytest.raises(IsADirectoryError, match=r"`output` must be a file, but .* is a folder"):
        check_writable(tmp_path, "output")


def test_check_writable_says_what_is_wrong_with_the_folder(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"`output` must be a file that can be written, but .* takes none"):
        check_writable(tmp_path / "none" / "file", "output")

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"takes none \(No space left on device\).*make room"):
        check_writable(tmp_path / "file", "output")
    assert names(tmp_path) == []


def test_open_folder_makes_it_and_refuses_a_file(tmp_path):
    assert open_folder(tmp_path / "a" / "b", "dir").is_dir()
    assert names(tmp_path / "a" / "b") == []
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError, match=r"`dir` must be a folder, but .* cannot be made"):
        open_folder(tmp_path / "file", "dir")
