"""The endpoints answer as the standard says: shapes, modes, jobs, results, files."""

from __future__ import annotations

import email
import email.policy
import subprocess
from datetime import datetime

import pytest
import requests
import xarray as xr
from moorage_processes.app import create_app, service_of
from moorage_processes.configuration.configuration import read_configuration
from support.service_client import ServiceClient
from support.waiting import eventually
from test_bad_input import execute

OGC = "http://www.opengis.net/def/rel/ogc/1.0/"
MESSAGE = {"message": "teststring"}


def get(url: str, **headers: str) -> requests.Response:
    """A page."""
    return requests.get(url, headers=headers, timeout=60)


def parts(response: requests.Response) -> dict[str, tuple[dict, bytes]]:
    """Headers and body of each part of a multipart answer by its Content-ID."""
    head = f"Content-Type: {response.headers['Content-Type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + response.content, policy=email.policy.HTTP)
    return {
        part["Content-ID"]: (dict(part), part.get_payload(decode=True)) for part in message.walk() if part["Content-ID"]
    }


def test_landing_page_leads_everywhere(service_url):
    links = {link["rel"]: link["href"] for link in get(f"{service_url}/", Accept="application/json").json()["links"]}
    for rel in ("service-desc", "service-doc", "conformance", f"{OGC}processes", f"{OGC}job-list"):
        assert get(links[rel]).status_code == 200, rel


def test_conformance_declares_core(service_url):
    classes = get(f"{service_url}/conformance").json()["conformsTo"]
    assert "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/core" in classes


def test_classes_of_data_are_declared_only_where_there_is_data(tmp_path):
    app = create_app(read_configuration(None, state=tmp_path))
    try:
        classes = app.test_client().get("/conformance").json["conformsTo"]
    finally:
        service_of(app).close(stop_supervisor=True)
    assert all("/ogcapi-common-1/" in each or "/ogcapi-processes-1/" in each for each in classes)


def test_process_list_is_paged(service_url):
    first = get(f"{service_url}/processes?limit=2").json()
    assert len(first["processes"]) == 2
    following = next(link["href"] for link in first["links"] if link["rel"] == "next")
    second = get(following).json()
    assert not {p["id"] for p in first["processes"]} & {p["id"] for p in second["processes"]}
    assert "inputs" not in first["processes"][0]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=-1", "offset=x", "limit=10001"])
def test_a_wrong_page_is_told(service_url, query):
    answer = get(f"{service_url}/processes?{query}")
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("invalid-query-parameter-value")
    assert "expected a whole number" in answer.json()["detail"]


def test_description_has_inputs_outputs_and_the_way_to_execute(service_url):
    described = get(f"{service_url}/processes/terrain").json()
    assert next(iter(described["inputs"])) == "dem"
    assert set(described["outputs"]) == {"slope", "aspect", "hillshade"}
    assert {link["rel"] for link in described["links"]} >= {"self", f"{OGC}execute"}
    assert described["jobControlOptions"] == ["sync-execute", "async-execute", "dismiss"]


@pytest.mark.parametrize("page", ["", "processes", "processes/terrain", "openapi"])
def test_pages_for_people_are_html(service_url, page):
    answer = get(f"{service_url}/{page}", Accept="text/html")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")


def test_jobs_have_pages_for_people(service_url):
    location = ServiceClient(service_url).run("echo", {"inputs": MESSAGE})
    for page in (f"{service_url}/jobs", location):
        answer = get(page, Accept="text/html")
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "successful" in answer.text


def test_raw_value_of_one_output_is_the_value(service_url):
    answer = execute(service_url, "echo", {"inputs": MESSAGE, "outputs": {"message": {}}})
    assert answer.json() == "teststring"
    assert "Link" not in answer.headers


def test_raw_values_of_several_outputs_are_multipart(service_url):
    inputs = {**MESSAGE, "numbers": [1, 2]}
    answer = execute(service_url, "echo", {"inputs": inputs, "outputs": {"message": {}, "numbers": {}}}, Accept="*/*")
    assert answer.headers["Content-Type"].startswith("multipart/related; boundary=")
    found = {name: body for name, (_, body) in parts(answer).items()}
    assert found == {"message": b'"teststring"', "numbers": b"[1, 2]"}


def test_raw_files_of_several_outputs_are_multipart_and_leave_nothing_behind(running):
    body = {"inputs": {"data": "sst"}, "outputs": {"climatology": {}, "anomaly": {}}}
    before = set((running.state / "results").iterdir())
    found = parts(execute(running.url, "climatology", body | {"response": "raw"}))
    assert set(found) == {"climatology", "anomaly"}
    for head, content in found.values():
        assert content.startswith(b"\x89HDF")
        assert int(head["Content-Length"]) == len(content)
    assert set((running.state / "results").iterdir()) == before


def test_raw_by_reference_is_204_with_links_that_hold(service_url):
    body = {"inputs": MESSAGE, "outputs": {"message": {"transmissionMode": "reference"}}}
    answer = execute(service_url, "echo", body)
    assert (answer.status_code, answer.content) == (204, b"")
    assert get(answer.links["message"]["url"]).json() == "teststring"


def test_raw_mixed_is_multipart_with_a_location_for_what_is_referenced(service_url):
    outputs = {"message": {"transmissionMode": "reference"}, "numbers": {}}
    answer = execute(
        service_url, "echo", {"inputs": {**MESSAGE, "numbers": [3]}, "outputs": outputs, "response": "raw"}
    )
    found = parts(answer)
    assert found["numbers"][1] == b"[3]"
    assert found["message"][1] == b""
    assert get(found["message"][0]["Content-Location"]).json() == "teststring"


def test_document_maps_outputs_to_values_and_links(service_url):
    inputs = {**MESSAGE, "mixed": {"value": {"a": 1}}, "bounds": {"bbox": [7, 51.9, 7.1, 52]}}
    outputs = {"message": {"transmissionMode": "reference"}, "mixed": {}, "bounds": {}}
    body = {"inputs": inputs, "outputs": outputs, "response": "document"}
    document = execute(service_url, "echo", body).json()
    assert document["mixed"] == {"value": {"a": 1}}
    assert document["bounds"]["bbox"] == [7, 51.9, 7.1, 52]
    assert get(document["message"]["href"]).json() == "teststring"


def test_all_outputs_come_where_none_is_named(service_url):
    body = {"inputs": {**MESSAGE, "numbers": [1]}, "response": "document"}
    for outputs in ({}, {"outputs": {}}):
        assert set(execute(service_url, "echo", body | outputs).json()) == {"message", "numbers"}


def test_small_grids_stand_in_a_document_as_base64_and_large_ones_as_links(service_url):
    body = {"inputs": {"data": "sst"}, "outputs": {"climatology": {}}, "response": "document"}
    document = execute(service_url, "climatology", body).json()
    assert document["climatology"]["encoding"] == "base64"
    assert document["climatology"]["mediaType"] == "application/x-netcdf"


@pytest.mark.parametrize(
    ("wanted", "media_type", "head"),
    [
        ("application/x-netcdf", "application/x-netcdf", b"\x89HDF"),
        ("image/png", "image/png", b"\x89PNG"),
        ("netcdf", "application/x-netcdf", b"\x89HDF"),
    ],
)
def test_the_format_is_chosen_in_the_body_or_by_accept(service_url, wanted, media_type, head):
    inputs = {"data": {"collection": "sst", "datetime": "2000-01/2000-01"}}
    body = {"inputs": inputs, "outputs": {"climatology": {"format": {"mediaType": wanted}}}}
    answer = execute(service_url, "climatology", body)
    assert answer.headers["Content-Type"] == media_type
    assert answer.content.startswith(head)
    if "/" in wanted:
        plain = {"inputs": inputs, "outputs": {"climatology": {}}}
        assert execute(service_url, "climatology", plain, Accept=wanted).headers["Content-Type"] == media_type


def test_no_preference_and_both_modes_is_sync(service_url):
    assert execute(service_url, "echo", {"inputs": MESSAGE}).status_code == 200


@pytest.mark.parametrize("prefer", ["respond-async", "Respond-Async", "foo, respond-async;bar", "wait=0,respond-async"])
def test_respond_async_makes_a_job(service_url, prefer):
    answer = execute(service_url, "echo", {"inputs": MESSAGE}, Prefer=prefer)
    assert answer.status_code == 201
    assert answer.headers["Preference-Applied"] == "respond-async"
    state = answer.json()
    assert answer.headers["Location"] == f"{service_url}/jobs/{state['jobID']}"
    assert (state["type"], state["processID"]) == ("process", "echo")


def test_what_is_quick_and_waited_for_needs_no_job(service_url):
    def called() -> requests.Response | None:
        """The answer, if a place was free so that no job was needed."""
        before = get(f"{service_url}/jobs?limit=1").json()["jobs"][:1]
        body = {"inputs": MESSAGE, "outputs": {"message": {}}}
        answer = execute(service_url, "echo", body, Prefer="respond-async, wait=10")
        assert (answer.status_code, answer.json()) == (200, "teststring")
        assert answer.headers["Preference-Applied"] == "wait=10"
        after = get(f"{service_url}/jobs?limit=1").json()["jobs"][:1]
        is_job = [each["jobID"] for each in after] != [each["jobID"] for each in before]
        assert is_job == ("monitor" in answer.links)
        return None if is_job else answer

    assert eventually(called)


def test_what_fails_while_it_is_waited_for_is_a_job_with_its_log(service_url):
    answer = execute(service_url, "fail", {"inputs": {}}, Prefer="respond-async, wait=10")
    assert answer.status_code == 500
    job = answer.json()["job"]
    assert get(job).json()["status"] == "failed"
    assert "Traceback" in get(f"{job}/log").text


def test_what_gives_a_file_while_it_is_waited_for_can_be_read_again(service_url):
    answer = execute(service_url, "grid", {"inputs": {"size": 10}, "response": "raw"}, Prefer="respond-async, wait=10")
    assert answer.status_code == 200
    job = answer.links["monitor"]["url"]
    assert job not in [f"{service_url}/jobs/{each['jobID']}" for each in get(f"{service_url}/jobs").json()["jobs"]]
    assert get(f"{job}/results").content == answer.content


def test_results_are_held_until_they_are_there(service_url):
    location = execute(service_url, "slow-sum", {"inputs": {"numbers": [1, 2], "pause": 1}}, Prefer="respond-async")
    results = f"{location.headers['Location']}/results"
    assert get(results, Accept="application/json").status_code == 404
    assert get(results, Accept="application/json", Prefer="wait=20").json() == 3.0


def test_a_slow_job_that_is_waited_for_is_followed(service_url):
    body = {"inputs": {**MESSAGE, "pause": 5}}
    answer = execute(service_url, "echo", body, Prefer="respond-async, wait=1")
    assert answer.status_code == 201
    location = answer.headers["Location"]
    early = get(f"{location}/results", Accept="application/json")
    assert (early.status_code, early.json()["type"].rsplit("/")[-1]) == (404, "result-not-ready")
    ServiceClient(service_url).until(location, "successful")


def test_state_of_a_job_is_complete(service_url):
    location = ServiceClient(service_url).submit("echo", {"inputs": MESSAGE})
    state = ServiceClient(service_url).done(location)
    assert state["status"] == "successful"
    assert state["progress"] == 100
    times = [datetime.fromisoformat(state[name]) for name in ("created", "started", "finished")]
    assert times == sorted(times)
    assert all(moment.tzinfo for moment in times)
    rels = [link["rel"] for link in state["links"]]
    assert rels.count("self") == rels.count("monitor") == rels.count(f"{OGC}results") == 1
    assert get(f"{location}/log").status_code == 200


def test_results_of_a_job_have_the_shape_that_was_asked_for(service_url):
    body = {"inputs": {**MESSAGE, "numbers": [1]}}
    raw = ServiceClient(service_url).run("echo", body)
    document = ServiceClient(service_url).run("echo", body | {"response": "document"})
    assert get(f"{raw}/results").headers["Content-Type"].startswith("multipart/related")
    assert get(f"{document}/results").json() == {"message": "teststring", "numbers": [1]}
    assert get(f"{document}/results/numbers").json() == [1]
    assert get(f"{document}/results/nothing", Accept="application/json").status_code == 400


def test_an_unchanged_state_is_told_by_304_and_a_change_ends_the_wait(service_url):
    location = ServiceClient(service_url).submit("echo", {"inputs": {**MESSAGE, "pause": 2}})
    state = ServiceClient(service_url).done(location)
    answer = get(location)
    assert answer.headers["ETag"].startswith("W/")  # the page says the same
    assert get(location, **{"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert get(location, Accept="text/html").headers["ETag"] == answer.headers["ETag"]
    assert state == answer.json()


def test_the_job_list_is_newest_first_and_filtered(service_url):
    older = ServiceClient(service_url).run("echo", {"inputs": MESSAGE})
    newer = ServiceClient(service_url).run("echo", {"inputs": MESSAGE})
    listed = get(f"{service_url}/jobs?processID=echo&status=successful,failed&limit=2").json()
    assert [job["jobID"] for job in listed["jobs"]] == [newer.rsplit("/")[-1], older.rsplit("/")[-1]]
    assert get(f"{service_url}/jobs?datetime=../2001-01-01T00:00:00Z").json()["jobs"] == []
    for query, status in (("status=lost", 400), ("processID=nothing", 404), ("datetime=soon", 400)):
        assert get(f"{service_url}/jobs?{query}", Accept="application/json").status_code == status


def test_a_job_is_dismissed_and_one_that_is_done_is_removed(service_url):
    location = ServiceClient(service_url).submit("slow-sum", numbers=[], pause=60.0)
    answer = requests.delete(location, timeout=60)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["status"] == "dismissed"
    assert get(f"{location}/results", Accept="application/json").status_code == 404
    done = ServiceClient(service_url).run("echo", {"inputs": MESSAGE})
    assert requests.delete(done, timeout=60).json()["status"] == "dismissed"
    assert get(done).status_code == 404


@pytest.fixture(scope="module")
def netcdf(service_url):
    location = ServiceClient(service_url).run("climatology", {"inputs": {"data": "sst"}, "outputs": {"anomaly": {}}})
    return f"{location}/results/anomaly"


def test_a_file_is_served_with_length_ranges_and_etag(netcdf):
    whole = get(netcdf)
    assert int(whole.headers["Content-Length"]) == len(whole.content)
    part = get(netcdf, Range="bytes=10-19")
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(whole.content)}"
    assert get(netcdf, **{"If-None-Match": whole.headers["ETag"]}).status_code == 304
    assert get(netcdf, Range=f"bytes={len(whole.content) + 1}-", Accept="application/json").status_code == 416
    head = requests.head(netcdf, timeout=60)
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(whole.content)))


def test_a_result_is_the_next_input_by_reference(service_url, netcdf):
    body = {"inputs": {"data": {"href": netcdf}}, "outputs": {"climatology": {}}}
    answer = execute(service_url, "climatology", body)
    assert answer.content.startswith(b"\x89HDF")


def test_a_netcdf_result_opens_through_its_link(netcdf):
    with xr.open_dataset(netcdf, engine="h5netcdf") as data:
        assert abs(float(data["sst_anomaly"].mean())) < 1e-3
        assert data.sizes["time"] == 12


def test_a_geotiff_result_opens_in_gdal(service_url, gdalinfo):
    import base64
    import tempfile
    from pathlib import Path

    from moorage_processes.commands.demo.jacksboro import elevation_model

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dem.nc"
        elevation_model().to_netcdf(path)
        dem = {"value": base64.b64encode(path.read_bytes()).decode(), "mediaType": "application/x-netcdf"}
    outputs = {"slope": {"format": {"mediaType": "image/tiff; application=geotiff"}}}
    location = ServiceClient(service_url).run("terrain", {"inputs": {"dem": dem}, "outputs": outputs})
    told = subprocess.run([gdalinfo, f"/vsicurl/{location}/results/slope"], capture_output=True, text=True, check=True)
    assert "LAYOUT=COG" in told.stdout
    assert "Size is 403, 344" in told.stdout


def test_other_origins_may_call_and_read_what_they_need(service_url):
    answer = requests.options(f"{service_url}/processes/echo/execution", timeout=60)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Location" in answer.headers["Access-Control-Expose-Headers"]
    assert "Prefer" in answer.headers["Access-Control-Allow-Headers"]
