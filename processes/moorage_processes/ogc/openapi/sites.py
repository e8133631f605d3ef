"""The operations of a service that sites dial in to."""

from __future__ import annotations

from typing import Any

from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.openapi.answers import document, good, problems
from moorage_processes.ogc.openapi.dialect import FILE
from moorage_processes.ogc.openapi.parameters import parameter

TAG = "sites"


def sites_paths() -> dict[str, Any]:
    """Who has dialled in, and where their machines bring results and fetch large requests."""
    return {
        "/sites": {
            "get": {
                **_named("sites", "The institutes that dial in"),
                "parameters": parameter("f"),
                "responses": {"200": document("The institutes that dial in.", "siteList"), **problems()},
            }
        },
        "/sites/uploads/{token}": {
            "parameters": parameter("token"),
            "put": {
                **_named("bring", "Bring one file of a job"),
                "description": "With a transfer token of the hub, which is used up by it.",
                "requestBody": {"required": True, "content": {"application/octet-stream": {"schema": FILE}}},
                "responses": {"204": {"description": "The hub has it."}, **problems(404, 413, 507)},
            },
        },
        "/sites/requests/{token}": {
            "parameters": parameter("token"),
            "get": {
                **_named("fetch", "Fetch a request that is too large for the relay"),
                "description": "With a transfer token of the hub, which is used up by it.",
                "responses": {
                    "200": good("Process, inputs and outputs.", {ogc.JSON: {"type": "object"}}),
                    **problems(404),
                },
            },
        },
    }


def _named(name: str, summary: str) -> dict[str, Any]:
    return {"tags": [TAG], "operationId": name, "summary": summary}
