"""Echo gives back what was sent, and looks the way the CITE suite needs it to."""

import pytest
from moorage_processes import BBox
from moorage_processes.authoring.builder import processes_of
from moorage_processes.authoring.progress import listening
from moorage_processes.methods.echo import echo


@pytest.fixture(scope="module")
def description():
    (process,) = processes_of(echo)
    return process.describe()


def schema_of(description, direction, name):
    return description[direction][name]["schema"]


def test_what_was_sent_comes_back():
    box = BBox(7.0, 51.9, 7.1, 52.0)
    assert echo("hello", numbers=[3, 1, 2], bounds=box, mixed={"a": 1}) == ("hello", [3, 1, 2], box, {"a": 1})


def test_what_was_not_sent_is_left_out():
    (process,) = processes_of(echo)
    assert dict(process.call({"message": "teststring"})) == {"message": "teststring"}


def test_a_message_is_repeated_as_often_as_asked():
    assert echo("ab", count=3).message == "ababab"


def test_a_pause_reports_progress_up_to_the_end():
    seen = []
    with listening(lambda fraction, _: seen.append(fraction)):
        echo("late", pause=0.3)
    assert len(seen) >= 3
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1.0)


def test_the_size_of_an_image_is_in_the_log(capsys):
    echo("with a picture", image=b"II*\0")
    assert "image: 4 bytes" in capsys.readouterr().out


def test_the_message_alone_is_required_and_comes_first(description):
    assert list(description["inputs"]) == ["message", "pause", "count", "numbers", "bounds", "mixed", "image"]
    assert [name for name, given in description["inputs"].items() if given.get("minOccurs", 1) > 0] == ["message"]
    assert (
        schema_of(description, "inputs", "message")
        == schema_of(description, "outputs", "message")
        == {"type": "string"}
    )


def test_nobody_holds_a_place_in_a_service_for_long(description):
    pause = schema_of(description, "inputs", "pause")
    assert (pause["minimum"], pause["maximum"]) == (0, 5)


def test_outputs_are_named_like_the_inputs_they_echo(description):
    assert list(description["outputs"]) == ["message", "numbers", "bounds", "mixed"]


def test_both_ways_of_waiting_are_offered(description):
    assert {"sync-execute", "async-execute"} <= set(description["jobControlOptions"])


@pytest.mark.parametrize("direction", ["inputs", "outputs"])
def test_schemas_are_those_the_suite_knows_how_to_fill(description, direction):
    assert schema_of(description, direction, "numbers") == {"type": "array", "items": {"type": "integer"}}
    first, box = schema_of(description, direction, "bounds")["allOf"]
    assert first == {"format": "ogc-bbox"}
    assert box["type"] == "object"
    alternatives = schema_of(description, direction, "mixed")["oneOf"]
    assert [alternative["type"] for alternative in alternatives] == ["string", "object"]


def test_the_image_is_binary_with_its_media_type(description):
    schema = schema_of(description, "inputs", "image")
    assert schema["type"] == "string"
    assert schema["format"] == "byte"
    assert schema["contentMediaType"] == "image/tiff; application=geotiff"
