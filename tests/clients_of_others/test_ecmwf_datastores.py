"""ecmwf-datastores-client, the production client of ECMWF's data stores, which speak the same standard.

It never says whether it wants to wait, and takes only a job for an answer, so it needs processes that are executed
later unless told otherwise. Its downloads look for the shape of ECMWF's own results, one output called ``asset``.
"""

from __future__ import annotations

from pathlib import Path

import multiurl
import pytest
import requests
from ecmwf.datastores.processing import Processing, ProcessingFailedError, Remote
from support.waiting import followed


@pytest.fixture
def client(service_url: str) -> Processing:
    """A client that leaves its jobs where they are, and does not try again for hours."""
    return Processing(
        service_url,
        force_exact_url=True,
        headers={},
        session=requests.Session(),
        retry_options={"maximum_tries": 1},
        request_options={"timeout": 60},
        download_options={},
        sleep_max=1.0,
        cleanup=False,
        log_callback=None,
    )


def told_of(remote: Remote) -> list[dict]:
    """What is told of a job until it is done."""
    return followed(lambda: remote.json, lambda state: state["status"] not in ("accepted", "running"))


def test_it_lists_page_by_page(client):
    listed, page = [], client.get_processes(limit=8)
    while page is not None:
        listed += page.collection_ids
        page = page.next
    assert {"echo", "terrain", "zonal-statistics", "climatology", "noise"} <= set(listed)
    assert len(listed) == len(set(listed))


def test_it_describes_a_process(client):
    assert client.get_process("noise").id == "noise"


def test_it_submits_and_is_shown_progress(client):
    remote = client.submit("noise", {"size": 20, "pause": 1.0})
    told = told_of(remote)
    assert any(state["progress"] in (25, 50, 75) and state["message"] == "rolling dice" for state in told)
    assert (remote.status, remote.collection_id) == ("successful", "noise")
    assert remote.created_at <= remote.started_at <= remote.finished_at <= remote.updated_at


def test_it_finds_its_jobs_again(client):
    remote = client.submit("places", {"count": 3})
    assert remote.request_id in client.get_jobs(limit=100).request_ids
    assert client.get_job(remote.request_id).get_remote().url == remote.url


def test_it_waits_for_results_and_reads_them(client):
    remote = client.submit("places", {"count": 3})
    results = remote.get_results()
    assert remote.results_ready
    assert len(results.json["features"]) == 3


@pytest.mark.xfail(
    raises=requests.JSONDecodeError,
    reason="the client's own: it reads any result as JSON, though it asks for whatever comes",
)
def test_it_reads_a_result_that_is_a_file(client):
    assert client.submit("noise", {"size": 20}).get_results().content_length > 0


def test_it_raises_what_a_failed_job_says(client):
    remote = client.submit("decline", {})
    with pytest.raises(requests.HTTPError, match="the period holds no data; it has 1990 to 1993"):
        remote.get_results()


def test_it_raises_what_is_wrong_with_a_request(client):
    with pytest.raises(requests.HTTPError, match="size: 'large' is not valid"):
        client.submit("noise", {"size": "large"})


def test_it_deletes_a_job(client):
    remote = client.submit("noise", {"pause": 60.0})
    assert remote.delete()["status"] == "dismissed"
    assert told_of(remote)[-1]["status"] == "dismissed"
    with pytest.raises(ProcessingFailedError, match="dismissed"):
        remote.get_results()


def test_it_downloads_an_asset(client, geotiff, tmp_path):
    """Once a result says of a file what those of ECMWF say, the client fetches it from us whole."""
    whole = requests.get(geotiff, timeout=60)
    remote = client.submit("asset", {"href": geotiff, "size": len(whole.content)})
    target = Path(remote.download(str(tmp_path / "asset.tif")))
    assert target.read_bytes() == whole.content


def test_it_resumes_a_download(geotiff, way, tmp_path):
    whole = requests.get(geotiff, timeout=60).content
    begun = tmp_path / "asset.tif"
    begun.write_bytes(whole[:1_000_000])
    multiurl.download(way.to(geotiff), target=str(begun), stream=True, resume_transfers=True, maximum_retries=0)
    assert begun.read_bytes() == whole
    assert way.sent(geotiff) == len(whole) - 1_000_000


def test_it_reads_several_parts_at_once(geotiff, way, tmp_path):
    """As its users read single fields out of a large file."""
    parts = [(0, 100), (5000, 1000), (9_000_000, 50_000)]
    target = tmp_path / "parts"
    multiurl.download(way.to(geotiff), target=str(target), parts=parts, maximum_retries=0)
    whole = requests.get(geotiff, timeout=60).content
    assert target.read_bytes() == b"".join(whole[start : start + length] for start, length in parts)
    assert way.sent(geotiff) < 60_000
    assert [each.status for each in way.heard if each.range] == [206]
