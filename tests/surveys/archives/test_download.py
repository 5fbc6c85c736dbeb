"""Downloads against a server on the loopback interface: whatever it does, what takes its final name is whole."""

import json

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.surveys import download
from luxjax.surveys.archives._archive import ArchiveFile

from ..archive_server import Archive, Plan, running_archive

BODY = np.random.default_rng(0).bytes(300_000)
OTHER = np.random.default_rng(1).bytes(300_000)


@pytest.fixture
def archive():
    with running_archive() as archive:
        yield archive


def get(url, folder, **options):
    return download([url], folder, **({"backoff": 0.0, "progress": False, "timeout": 5} | options))


def assert_whole(folder, name="star.fits", body=BODY):
    assert (folder / name).read_bytes() == body
    assert [p.name for p in folder.iterdir()] == [name]


def assert_nothing_final(folder, name="star.fits"):
    assert not (folder / name).exists()


def test_plain(archive, tmp_path):
    result = get(archive.serve("/star.fits", Plan(BODY, etag='"1"')), tmp_path)
    assert result.ok
    assert result.paths == [tmp_path / "star.fits"]
    assert (result.files[0].status, result.files[0].size) == ("downloaded", len(BODY))
    assert_whole(tmp_path)


def test_second_call_asks_nothing(archive, tmp_path):
    url = archive.serve("/star.fits", Plan(BODY))
    get(url, tmp_path)
    before = len(archive.asked)
    assert get(url, tmp_path).files[0].status == "skipped"
    assert len(archive.asked) == before


def test_cut_connection_goes_on_where_it_broke(archive, tmp_path):
    good = Plan(BODY, etag='"1"')
    url = archive.serve("/star.fits", Plan(BODY, etag='"1"', cut=100_000), good)
    assert get(url, tmp_path).files[0].status == "resumed"
    assert archive.ranges("/star.fits") == [None, "bytes=100000-"]
    assert_whole(tmp_path)


def test_last_modified_serves_as_well(archive, tmp_path):
    date = {"Last-Modified": "Mon, 06 Dec 2021 00:00:00 GMT"}
    url = archive.serve("/star.fits", Plan(BODY, cut=100_000, headers=date), Plan(BODY, headers=date))
    get(url, tmp_path)
    assert archive.asked[1][2]["If-Range"] == date["Last-Modified"]
    assert_whole(tmp_path)


def test_interrupted_run_is_resumed_by_the_next(archive, tmp_path):
    url = archive.serve("/star.fits", Plan(BODY, etag='"1"', cut=100_000), Plan(BODY, etag='"1"', cut=0))
    result = get(url, tmp_path, retries=2)
    assert not result.ok
    assert "the 100000 bytes so far are kept: run again to continue" in result.files[0].message
    assert_nothing_final(tmp_path)
    archive.serve("/star.fits", Plan(BODY, etag='"1"'))
    assert get(url, tmp_path).files[0].status == "resumed"
    assert archive.ranges("/star.fits")[-1] == "bytes=100000-"
    assert_whole(tmp_path)


def test_file_changed_between_attempts_starts_again(archive, tmp_path):
    url = archive.serve("/star.fits", Plan(BODY, etag='"1"', cut=100_000), Plan(OTHER, etag='"2"'))
    assert get(url, tmp_path).files[0].status == "downloaded"
    assert_whole(tmp_path, body=OTHER)


@pytest.mark.parametrize("etag", ["", 'W/"1"'])
def test_without_a_strong_validator_it_starts_again(archive, tmp_path, etag):
    url = archive.serve("/star.fits", Plan(BODY, etag=etag, cut=100_000), Plan(OTHER, etag=etag))
    assert get(url, tmp_path).ok
    assert archive.ranges("/star.fits") == [None, None]
    assert_whole(tmp_path, body=OTHER)


def test_server_without_ranges(archive, tmp_path):
    plan = Plan(BODY, etag='"1"', ranges=False)
    url = archive.serve("/star.fits", Plan(BODY, etag='"1"', ranges=False, cut=100_000), plan)
    assert get(url, tmp_path).files[0].status == "downloaded"
    assert_whole(tmp_path)


def test_server_without_ranges_that_always_cuts_is_given_up(archive, tmp_path):
    url = archive.serve("/star.fits", Plan(BODY, etag='"1"', ranges=False, cut=100_000))
    assert not get(url, tmp_path, retries=3).ok
    assert len(archive.asked) == 4
    assert_nothing_final(tmp_path)


@pytest.mark.parametrize(
    "content_range", ["bytes 0-299999/300000", "bytes 100000-299999/300001", "bytes 1-2/*", "x"]
)
def test_wrong_part_is_not_appended(archive, tmp_path, content_range):
    wrong = Plan(BODY, etag='"1"', content_range=content_range)
    url = archive.serve("/star.fits", Plan(BODY, etag='"1"', cut=100_000), wrong, Plan(BODY, etag='"1"'))
    assert get(url, tmp_path).ok
    assert archive.ranges("/star.fits") == [None, "bytes=100000-", None]
    assert_whole(tmp_path)


def test_refused_range_starts_again(archive, tmp_path):
    url = archive.serve(
        "/star.fits", Plan(BODY, etag='"1"', cut=100_000), Plan(status=416), Plan(BODY, etag='"1"')
    )
    assert get(url, tmp_path).ok
    assert archive.ranges("/star.fits") == [None, "bytes=100000-", None]
    assert_whole(tmp_path)


def test_wrong_length_never_takes_the_name(archive, tmp_path):
    result = get(archive.serve("/star.fits", Plan(BODY, announce=len(BODY) + 1)), tmp_path, retries=2)
    assert "broke after 300000 of 300001 bytes" in result.files[0].message
    assert_nothing_final(tmp_path)


def test_chunked_and_cut(archive, tmp_path):
    url = archive.serve("/star.fits", Plan(BODY, chunked=True, cut=1000), Plan(BODY, chunked=True))
    assert get(url, tmp_path).ok
    assert_whole(tmp_path)


def test_unknown_length_is_refused(archive, tmp_path):
    result = get(archive.serve("/star.fits", Plan(BODY, length=False)), tmp_path)
    assert "does not say how long" in result.files[0].message
    assert_nothing_final(tmp_path)


def test_busy_server_is_asked_again(archive, tmp_path):
    busy = Plan(status=503, headers={"Retry-After": "0"})
    assert get(archive.serve("/star.fits", busy, Plan(status=500), Plan(BODY)), tmp_path).ok
    assert_whole(tmp_path)


def test_busy_for_good(archive, tmp_path):
    result = get(archive.serve("/star.fits", Plan(status=503)), tmp_path, retries=3)
    assert result.files[0].message == "the server answered 503 Service Unavailable; try again later."
    assert len(archive.asked) == 3


@pytest.mark.parametrize(
    ("plan", "status", "message"),
    [
        (Plan(status=404), "missing", "no such file (404); check release, identifiers, field and telescope"),
        (Plan(status=403), "failed", "refuses access (403); give a valid token"),
        (Plan(status=418), "failed", "answered 418"),
        (Plan(b"<html>", headers={"Content-Type": "text/html; charset=utf-8"}), "failed", "sent a web page"),
    ],
)
def test_what_is_not_retried(archive, tmp_path, plan, status, message):
    result = get(archive.serve("/star.fits", plan), tmp_path)
    assert result.files[0].status == status
    assert message in result.files[0].message
    assert len(archive.asked) == 1
    assert list(tmp_path.iterdir()) == []


def test_no_server(tmp_path):
    with running_archive() as archive:
        url = archive.url + "/star.fits"
    result = get(url, tmp_path, retries=2)
    assert result.files[0].message.startswith("no connection:")


def test_one_failure_does_not_stop_the_others(archive, tmp_path):
    urls = [archive.serve(f"/{i}.fits", Plan(BODY[: 1000 * (i + 1)])) for i in range(6)]
    result = download([*urls, archive.url + "/none.fits"], tmp_path, workers=3, progress=False, backoff=0)
    assert [f.status for f in result.files] == ["downloaded"] * 6 + ["missing"]
    assert [f.size for f in result.files[:6]] == [1000 * (i + 1) for i in range(6)]
    assert [p.path.name for p in result.problems] == ["none.fits"]
    assert "6 downloaded, 1 missing\n  none.fits: the archive has no such file" in str(result)
    assert result.to_frame()["status"].tolist()[-1] == "missing"


def test_existing_file_of_another_size_is_replaced_when_asked(archive, tmp_path):
    url = archive.serve("/star.fits", Plan(BODY))
    (tmp_path / "star.fits").write_bytes(b"short")
    assert get(url, tmp_path).files[0].status == "skipped"
    assert get(url, tmp_path, check_existing=True).files[0].status == "downloaded"
    assert_whole(tmp_path)
    assert get(url, tmp_path, check_existing=True).files[0].status == "skipped"


def test_existing_file_survives_a_failed_replacement(archive, tmp_path):
    (tmp_path / "star.fits").write_bytes(b"short")
    url = archive.serve("/star.fits", Plan(BODY, cut=1000))
    assert not get(url, tmp_path, check_existing=True, retries=1).ok
    assert (tmp_path / "star.fits").read_bytes() == b"short"


@pytest.mark.parametrize("note", ["not json", "[]", '{"url": "x"}', None])
def test_damaged_note_starts_again(archive, tmp_path, note):
    (tmp_path / "star.fits.part").write_bytes(OTHER[:1000])
    if note is not None:
        (tmp_path / "star.fits.part.json").write_text(note)
    assert get(archive.serve("/star.fits", Plan(BODY, etag='"1"')), tmp_path).ok
    assert_whole(tmp_path)


def test_part_of_another_address_is_not_used(archive, tmp_path):
    (tmp_path / "star.fits.part").write_bytes(OTHER[:1000])
    note = {"url": "http://elsewhere/star.fits", "validator": '"1"', "total": len(BODY)}
    (tmp_path / "star.fits.part.json").write_text(json.dumps(note))
    assert get(archive.serve("/star.fits", Plan(BODY, etag='"1"')), tmp_path).ok
    assert_whole(tmp_path)


def test_token_is_not_written_anywhere(archive, tmp_path):
    url = archive.serve(
        "/star.fits?token=secret", Plan(BODY, etag='"1"', cut=1000), Plan(BODY, etag='"1"', cut=0)
    )
    result = get(url, tmp_path, retries=1)
    assert "secret" not in str(result)
    assert "secret" not in result.files[0].url
    assert "secret" not in (tmp_path / "star.fits.part.json").read_text()


def test_folders_are_made_and_progress_is_told(archive, tmp_path):
    file = ArchiveFile(archive.serve("/star.fits", Plan(BODY)), "apo25m/M67/star.fits")
    told = []
    result = download(
        [file], tmp_path / "new", progress=lambda *now, megabytes: told.append((*now, megabytes))
    )
    assert result.paths[0].read_bytes() == BODY
    assert told[0][:3] == ("files", 0, 1)
    assert told[-1] == ("files", 1, 1, round(len(BODY) / 1e6, 1))


@pytest.mark.parametrize(
    ("requests", "message"),
    [
        (["file:///etc/hosts"], "is no http address"),
        (["star.fits"], "is no http address"),
        (["http://x/"], "is no place inside the download folder"),
        ([ArchiveFile("http://x/a", "../a")], "is no place inside the download folder"),
        ([ArchiveFile("http://x/a", "/a")], "is no place inside the download folder"),
        (["http://x/a/star.fits", "http://x/b/star.fits"], "two addresses would go to 'star.fits'"),
    ],
)
def test_bad_requests(tmp_path, requests, message):
    with pytest.raises(InputError, match=message):
        download(requests, tmp_path)


def test_asked_twice_is_fetched_once(archive: Archive, tmp_path):
    url = archive.serve("/star.fits", Plan(BODY))
    assert len(download([url, url], tmp_path, progress=False).files) == 1
    assert len(archive.asked) == 1
